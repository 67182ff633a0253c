"""Records what commands change in the audit trail, with the account that runs the command."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from observability.audit import AuditEvent, AuditTrail, Noted
    from settings import Settings


def event_of(kind: str, operation: str, tenant: str, what: str) -> AuditEvent:
    """Return an event whose actor is the account that runs this process.

    Args:
        kind: an `AuditKind`.
        operation: what is done.
        tenant: the tenant that it is done for; empty for all.
        what: the object, as `kind:name`.
    """
    from observability.audit import AuditEvent, AuditKind, operator

    return AuditEvent(kind=AuditKind(kind), operation=operation, actor=operator(tenant), object=what)


def trail_of(settings: Settings) -> AuditTrail:
    """Return the audit trail of `settings`, whose lines name the policy in force."""
    from observability.audit import AuditTrail
    from policy.fingerprint import policy_reference

    return AuditTrail(settings, policy=policy_reference(settings).hash)


@asynccontextmanager
async def recorded(settings: Settings, event: AuditEvent) -> AsyncIterator[Noted]:
    """Record that the change in the block begins, and how it ended. Raises `AuditUnavailable`."""
    async with trail_of(settings) as trail, trail.change(event) as noted:
        yield noted
