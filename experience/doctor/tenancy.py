"""Compares the catalogue with the models of the tenancy."""

from __future__ import annotations

import asyncio

from experience.doctor.remedies import tried
from gateway.catalog import catalog_of
from gateway.catalog.reconcile import Finding, reconciled
from settings import Settings
from settings.connections.oci_session import open_oci_session


async def check_tenancy(settings: Settings) -> list[Finding]:
    """Return what the tenancy knows otherwise than the catalogue. It asks no model, and nothing is billed.

    Raises:
        SettingsInvalid: OCI is not configured, or wrongly.
        DependencyUnavailable: OCI did not answer, or refused; the hint says what to check.
    """
    from gateway.oci.tenancy import tenancy_models

    session = await asyncio.to_thread(open_oci_session, settings)
    catalog = catalog_of(settings, region=session.region)
    endpoint = settings.oci.management_endpoint
    return reconciled(catalog, await tried(asyncio.to_thread(tenancy_models, session, endpoint)))
