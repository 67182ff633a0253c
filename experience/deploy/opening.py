"""Opens a stack: its settings, the session that signs, and the calls of OCI."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from experience.deploy.edge import Edge
from experience.deploy.patience import Patience
from experience.deploy.stack import Stack, open_stack
from settings import Settings
from settings.connections.oci_session import OCISession, open_oci_session


@dataclass(frozen=True)
class Opened:
    """A stack, and what its commands work with."""

    stack: Stack
    session: OCISession
    edge: Edge
    patience: Patience


def opened(settings: Settings, name: str, pause: Callable[[float], None] = time.sleep) -> Opened:
    """Return the stack `name` of `settings`, ready to be planned, applied or removed.

    Args:
        settings: with `[deploy.NAME]` and `[oci]`.
        name: of the stack.
        pause: waits for so many seconds.

    Raises:
        SettingsInvalid: there is no such stack, or OCI is not configured.
        DependencyUnavailable: the metadata service of a principal does not answer.
    """
    compartment = open_stack(settings, name, "").settings.compartment_id
    if compartment:
        settings = settings.model_copy(update={"oci": settings.oci.model_copy(update={"compartment_id": compartment})})
    session = open_oci_session(settings)
    stack = open_stack(settings, name, session.region)
    patience = Patience(stack.settings.wait_minutes, pause=pause)
    return Opened(stack, session, Edge(session, settings.oci.management_endpoint, patience), patience)
