"""Log-ins in the audit trail: each that fails, and the first of each principal in an hour."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from weakref import WeakValueDictionary

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
        self._recorded: OrderedDict[Hashable, float] = OrderedDict()
        self._recording: WeakValueDictionary[Hashable, asyncio.Lock] = WeakValueDictionary()
        """One lock for each line that is being written, so that a hundred clients with one key write one line."""

    async def succeeded(self, principal: Principal, key: str, sources: Sequence[Source]) -> None:
        """Record a log-in with the key `key`, empty for a token, unless that was done lately."""
        actor = Actor(principal=principal.id, tenant=principal.tenant, method=principal.method)
        event = AuditEvent(kind=AuditKind.LOGIN, operation="log_in", actor=actor)
        await self._record_once((actor, key), event, sources)

    async def failed(self, error: SixplaneError, sources: Sequence[Source]) -> None:
        """Record a log-in that failed."""
        await self._record(_refused(error), sources)

    async def expired(self, error: SixplaneError, sources: Sequence[Source]) -> None:
        """Record a token that has expired, unless that was done lately.

        It is no guess and never has to wait: with a line for each, an old token would fill the disk.
        """
        await self._record_once(tuple(sources), _refused(error), sources)

    async def aclose(self) -> None:
        """Send the copies of lines that are still waiting."""
        await self._trail.aclose()

    async def _record_once(self, named: Hashable, event: AuditEvent, sources: Sequence[Source]) -> None:
        if self._is_recorded(named):
            return
        turn = self._recording.setdefault(named, asyncio.Lock())
        async with turn:
            if not self._is_recorded(named):
                now = self._clock()
                await self._record(event, sources)
                self._note(named, now)  # not before: a log-in whose line failed is tried again by the next request

    def _is_recorded(self, named: Hashable) -> bool:
        return self._clock() - self._recorded.get(named, float("-inf")) < AGAIN_SECONDS

    def _note(self, named: Hashable, now: float) -> None:
        self._recorded[named] = now
        self._recorded.move_to_end(named)
        if len(self._recorded) > KEPT:
            self._recorded.popitem(last=False)

    async def _record(self, event: AuditEvent, sources: Sequence[Source]) -> None:
        keys = [each.name for each in sources if each.kind == "key"]
        places = tuple(f"{each.kind}:{each.name}" for each in sources if each.kind != "key")
        told = {"object": f"key:{keys[0]}" if keys else "token", "ids": places}
        await self._trail.record(event.model_copy(update=told))


def _refused(error: SixplaneError) -> AuditEvent:
    return AuditEvent(kind=AuditKind.LOGIN, operation="log_in", actor=Actor(), outcome="refused", reason=error.code)
