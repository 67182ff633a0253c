"""Writing the audit trail: one line an event, by any number of processes, before the caller goes on."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import threading
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Self

from filelock import Timeout

from observability.audit.chain import Link, removed_object, seal
from observability.audit.events import Actor, AuditEvent, in_pieces
from observability.audit.files import last_link, locked, read_head, write_all, write_head
from observability.audit.retention import cut
from settings import Settings
from settings.folders import private_folder
from settings.pools import FRONT
from state.audit_kinds import AuditKind
from state.errors import AuditUnavailable, Forbidden, PolicyRefusal, SixplaneError, Unauthenticated

if TYPE_CHECKING:
    from observability.oci_logging import EventsSink

EVENT = "sixplane.audit"
"""The type of the copies in OCI Logging."""

REMEDY = (
    "repair it: nothing that has to be recorded is done without it. `sixplane audit verify` checks the trail; after "
    "damage keep its files as evidence and move them away, then a new trail begins. SIXPLANE_AUDIT__ENABLED=false does "
    "without"
)

_log = logging.getLogger(__name__)


@dataclass
class Noted:
    """What a change adds to its last line."""

    counts: dict[str, int | None] = field(default_factory=dict)
    ids: tuple[str, ...] = ()


def trail_path(settings: Settings) -> Path:
    """Return the file of the audit trail."""
    return settings.audit.path or settings.home / "audit.jsonl"


class AuditTrail:
    """The audit trail of a home folder. Safe to share between tasks and threads; files are opened for each line.

    Args:
        settings: on or off, place and retention.
        policy: the hash of the policy in force, which each line names.
        now: returns the time, for tests.
    """

    def __init__(
        self, settings: Settings, *, policy: str, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self.path = trail_path(settings)
        self._settings, self._now, self._policy = settings, now, policy
        # One thread of this process at a time asks for the lock of the file, which is polled and therefore not fair.
        self._turn = threading.Lock()
        self._copies: EventsSink | None = None

    @property
    def enabled(self) -> bool:
        """Whether anything is written."""
        return self._settings.audit.enabled

    async def record(self, event: AuditEvent, ids: Iterable[str] | None = None) -> None:
        """Write `event` and return once it is on disk; with `ids`, in as many lines as they need.

        Raises:
            AuditUnavailable: it cannot be written, or the end of the trail is not as it was written.
        """
        for piece in [event] if ids is None else in_pieces(event, ids):
            await FRONT.run(self.write, piece)

    @asynccontextmanager
    async def change(self, event: AuditEvent) -> AsyncIterator[Noted]:
        """Write that a change begins, then how it ended. The change is not begun if the first line cannot be written.

        Raises:
            AuditUnavailable: a line cannot be written. If it was the last one, the change is done and its first line is
                in the trail, with the outcome `begun`.
        """
        await self.record(event.model_copy(update={"outcome": "begun"}))
        noted = Noted()
        try:
            yield noted
        except BaseException as error:  # cancellation too: the change may be half done. Always raised again.
            try:
                await self.record(event.model_copy(update=_failure(error)))
            except AuditUnavailable as unwritten:  # the first error is what the caller has to know
                _log.error("the end of a failed change is not in the audit trail: %s", unwritten.message)
            raise
        # Built anew, so that what was noted is bounded as well.
        await self.record(AuditEvent(**{**dict(event), "counts": noted.counts, "ids": noted.ids or event.ids}))

    def write(self, event: AuditEvent) -> None:
        """Write `event`; blocks. Raises like `record`."""
        if not self.enabled:
            return
        try:
            with self._turn:
                private_folder(self.path.parent)
                with locked(self.path):
                    self._remove_old()
                    line = self._append(event)
        except Timeout as error:
            raise AuditUnavailable("another process holds the lock of the audit trail", hint=REMEDY) from error
        except OSError as error:
            full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            reason = "the disk is full" if full else error.strerror or type(error).__name__
            raise AuditUnavailable(f"the audit trail cannot be written: {reason}", hint=REMEDY) from error
        except ValueError as error:
            raise AuditUnavailable(f"the audit trail is damaged: {error}", hint=REMEDY) from error
        self._copy(line)

    async def check(self) -> None:
        """Find out whether a line could be written; write none.

        Raises:
            AuditUnavailable: it could not.
        """
        if self.enabled:
            await FRONT.run(self._check)

    def _check(self) -> None:
        try:
            if self.path.exists():
                os.close(os.open(self.path, os.O_RDWR | os.O_APPEND))
            elif self.path.parent.exists() and not os.access(self.path.parent, os.W_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
            read_head(self.path)
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise AuditUnavailable(f"the audit trail cannot be written: {reason}", hint=REMEDY) from error
        except ValueError as error:
            raise AuditUnavailable(f"the audit trail is damaged: {error}", hint=REMEDY) from error

    async def aclose(self) -> None:
        """Send the copies that are still waiting."""
        if self._copies is not None:
            await asyncio.to_thread(self._copies.stop, 5.0)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def _remove_old(self) -> None:
        if self._settings.audit.retention_days is not None:
            cut(self.path, self._now() - timedelta(days=self._settings.audit.retention_days), self._removed)

    def _removed(self, last: Link) -> None:
        actor = Actor(method="setting")
        told = {"object": removed_object(last.number), "ids": (last.digest,)}
        self._append(AuditEvent(kind=AuditKind.RETENTION, operation="remove", actor=actor, **told))

    def _append(self, event: AuditEvent) -> bytes:
        actor = event.actor.model_dump()
        fields = {"at": self._now().isoformat(), **event.model_dump(mode="json", exclude={"actor"}), **actor}
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            last = last_link(self.path, descriptor)
            line, link = seal(last.number + 1, {**fields, "policy": self._policy}, last.digest)
            self._write(descriptor, line, link)
        finally:
            os.close(descriptor)
        return line

    def _write(self, descriptor: int, line: bytes, link: Link) -> None:
        length = os.fstat(descriptor).st_size
        try:
            write_all(descriptor, line)
        except OSError:
            os.ftruncate(descriptor, length)
            raise
        write_head(self.path, link)

    def _copy(self, line: bytes) -> None:
        """Queue a copy for OCI Logging. The file is the record: a copy that does not arrive is counted and logged."""
        if not self._settings.audit.log_id:
            return
        with self._turn:
            if self._copies is None:
                self._copies = _open_copies(self._settings)
        self._copies.copy(EVENT, line.decode().rstrip("\n"))


def _failure(error: BaseException) -> dict[str, str]:
    refused = isinstance(error, Forbidden | PolicyRefusal | Unauthenticated)
    reason = error.code if isinstance(error, SixplaneError) else type(error).__name__
    return {"outcome": "refused" if refused else "failed", "reason": reason}


def _open_copies(settings: Settings) -> EventsSink:
    from observability.oci_logging import open_logging
    from settings.connections.oci_session import open_oci_session

    return open_logging(settings, open_oci_session(settings), log_id=settings.audit.log_id)
