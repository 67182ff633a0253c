"""Log-ins in the audit trail: each that fails, and the first of each principal in an hour."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence

from observability.audit import Actor, AuditEvent, AuditKind, AuditTrail
from policy.identity.failures import KEPT, Source
from policy.identity.principal import Principal
from state.errors import SixplaneError

AGAIN_SECONDS = 3600.0
"""After this time a log-in of the same principal with the same key is recorded again. A chosen value: every request
brings its credentials, and a line for each would hide the others."""


class LoginAudit:
    """Records log-ins.

    Args:
        trail: the audit trail.
        clock: measures when a log-in is recorded again.
    """

    def __init__(self, trail: AuditTrail, clock: Callable[[], float]) -> None:
        self._trail, self._clock = trail, clock
        self._recorded: OrderedDict[tuple[Actor, str], float] = OrderedDict()

    async def succeeded(self, principal: Principal, key: str, sources: Sequence[Source]) -> None:
        """Record a log-in with the key `key`, empty for a token, unless that was done lately."""
        actor = Actor(principal=principal.id, tenant=principal.tenant, method=principal.method)
        named, now = (actor, key), self._clock()
        if now - self._recorded.get(named, float("-inf")) < AGAIN_SECONDS:
            return
        await self._record(AuditEvent(kind=AuditKind.LOGIN, operation="log_in", actor=actor), sources)
        self._recorded[named] = now  # not before: a log-in whose line failed is tried again with the next request
        self._recorded.move_to_end(named)
        if len(self._recorded) > KEPT:
            self._recorded.popitem(last=False)

    async def failed(self, error: SixplaneError, sources: Sequence[Source]) -> None:
        """Record a log-in that failed."""
        event = AuditEvent(
            kind=AuditKind.LOGIN, operation="log_in", actor=Actor(), outcome="refused", reason=error.code
        )
        await self._record(event, sources)

    async def aclose(self) -> None:
        """Send the copies of lines that are still waiting."""
        await self._trail.aclose()

    async def _record(self, event: AuditEvent, sources: Sequence[Source]) -> None:
        keys = [each.name for each in sources if each.kind == "key"]
        places = tuple(f"{each.kind}:{each.name}" for each in sources if each.kind != "key")
        told = {"object": f"key:{keys[0]}" if keys else "token", "ids": places}
        await self._trail.record(event.model_copy(update=told))
