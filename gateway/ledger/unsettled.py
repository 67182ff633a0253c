"""Settlements that the database did not take: they wait in files of the home folder, or else in memory.

An answer is paid for when it arrives. If the database is busy, down or full until the call's deadline, the answer is
handed on all the same, and what it cost, and its memo, wait here for the ledger's next transaction. Files survive the
process. Where no file can be written either, memory is what is left: if the process ends before there is room, the
call's reservation, which still stands in the ledger, is charged in full.
"""

from __future__ import annotations

import logging
import os
import threading
from collections import Counter
from contextlib import suppress
from pathlib import Path

import sqlalchemy as sa
from pydantic import ValidationError

from gateway.ledger import attempts
from gateway.ledger.attempts import Reservation
from settings import Settings
from settings.folders import private_folder
from state.values import Usage, Value

FAILURES = 3
"""How often a settlement may fail where the transaction after it succeeds: then it is at fault, and is set aside."""

_WAITING, _UNFINISHED, _UNREAD, _FAILED = ".json", ".new", ".unread", ".failed"

_log = logging.getLogger(__name__)


class Settlement(Value):
    """What `Ledger.settle` was given, and the name of the ledger that it belongs to."""

    database: str
    reservation: Reservation
    usage: Usage
    answer: str | None
    state: str

    def settle(self, connection: sa.Connection) -> None:
        """Apply it in the transaction of `connection`."""
        attempts.settle(connection, self.reservation, self.usage, self.answer, self.state)


class LeftBehind(Value):
    """How many files wait for another ledger, by its name, and how many others cannot be read or applied."""

    elsewhere: dict[str, int]
    aside: int


class Unsettled:
    """The settlements that wait. Applying one twice changes nothing, so two processes may both find it."""

    def __init__(self, folder: Path, database: str) -> None:
        self._folder, self._database = folder, database
        self._remembered: dict[str, Settlement] = {}
        self._failures = Counter[str]()
        self._lock = threading.Lock()  # worker threads apply and keep at the same time

    def keep(self, settlement: Settlement) -> bool:
        """Write a settlement to a file, or else remember it. Return whether it outlives the process."""
        try:
            self._write(settlement, _WAITING)
        except OSError as error:
            _log.warning("a settlement cannot be written: %s; it waits in memory", error.strerror)
            with self._lock:
                self._remembered[settlement.reservation.id] = settlement
            return False
        return True

    @property
    def has_any(self) -> bool:
        """Whether anything lies there, for whatever ledger. Unlike `waiting` it reads no file."""
        if self._remembered:
            return True
        try:
            with os.scandir(self._folder) as found:
                return any(True for _ in found)
        except OSError:  # hardly ever anything had to wait, so there is no such folder
            return False

    def waiting(self) -> dict[str, Settlement]:
        """Return the settlements that wait for this ledger, by name."""
        with self._lock:
            found = dict(self._remembered)
        if self._folder.is_dir():  # hardly ever: every transaction of the ledger asks
            read = {path.stem: _read(path) for path in sorted(self._folder.glob(f"*{_WAITING}"))}
            found |= {name: each for name, each in read.items() if each and each.database == self._database}
        return found

    def applied(self, name: str) -> None:
        """Forget a settlement that was committed."""
        self._forget(name)
        with suppress(FileNotFoundError, NotADirectoryError):  # it was remembered, or another process was first
            self._file(name, _WAITING).unlink()

    def failed(self, name: str) -> None:
        """Note that a settlement failed where the transaction after it succeeded; set it aside after `FAILURES`."""
        with self._lock:
            self._failures[name] += 1
            settlement = self._remembered.get(name) if self._failures[name] >= FAILURES else None
            if self._failures[name] < FAILURES:
                return
        _log.warning("the settlement `%s` cannot be applied; it was set aside, see `sixplane doctor`", name)
        self._forget(name)
        with suppress(OSError):  # then only this line of the log tells of it
            if settlement is None:
                self._file(name, _WAITING).rename(self._file(name, _FAILED))
            else:
                self._write(settlement, _FAILED)

    def sweep(self, before: int | None, *, dry_run: bool) -> int:
        """Delete files that were written before a time, in milliseconds, and that this ledger does not apply.

        Those are halves, files that were set aside, and settlements of another ledger, which has charged their calls as
        they were reserved since. Return how many, or how many would go.
        """
        if before is None or not self._folder.is_dir():
            return 0
        own = {f"{name}{_WAITING}" for name in self.waiting()}
        old = [path for path in self._folder.iterdir() if path.name not in own and _is_old(path, before)]
        return len(old) if dry_run else sum(map(_removed, old))

    def write_remembered(self) -> None:
        """Try to write what is only remembered to files, before the process ends."""
        with self._lock:
            held = list(self._remembered.values())
        for settlement in held:
            if not self.keep(settlement):
                _log.error("a settlement is lost with this process: its call will be charged as it was reserved")

    def _write(self, settlement: Settlement, kind: str) -> None:
        """Write a settlement, whole or not at all. Raises `OSError`."""
        private_folder(self._folder)
        name = settlement.reservation.id
        fresh = self._file(name, _UNFINISHED)
        try:
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(settlement.model_dump_json())
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self._file(name, kind))
        except OSError:
            with suppress(OSError):  # half of it helps nobody, and takes the room that is missing
                fresh.unlink(missing_ok=True)
            raise

    def _forget(self, name: str) -> None:
        with self._lock:
            self._remembered.pop(name, None)
            self._failures.pop(name, None)

    def _file(self, name: str, kind: str) -> Path:
        return self._folder / f"{name}{kind}"


def folder_of(settings: Settings) -> Path:
    """Return the folder of the settlements that wait."""
    return settings.home / "unsettled"


def ledger_name(settings: Settings) -> str:
    """Return what tells the ledger of these settings from that of another profile on the same home folder."""
    if settings.data.backend == "oracle":
        return f"{settings.oracle.user}@{settings.oracle.dsn}"
    return "ledger.db"


def left_behind(settings: Settings) -> LeftBehind:
    """Return what lies in the folder and is not applied by the ledger of these settings."""
    folder = folder_of(settings)
    if not folder.is_dir():
        return LeftBehind(elsewhere={}, aside=0)
    read = {path: _read(path) for path in folder.glob(f"*{_WAITING}")}
    named = Counter(each.database for each in read.values() if each is not None)
    named.pop(ledger_name(settings), None)
    unreadable = sum(each is None and path.exists() for path, each in read.items())
    aside = sum(path.suffix in (_UNREAD, _FAILED) for path in folder.iterdir())
    return LeftBehind(elsewhere=dict(sorted(named.items())), aside=aside + unreadable)


def _is_old(path: Path, before: int) -> bool:
    with suppress(FileNotFoundError):  # another process has applied it
        return path.is_file() and path.stat().st_mtime * 1000 < before
    return False


def _removed(path: Path) -> bool:
    try:
        path.unlink()
    except OSError as error:  # another account's folder, for example: the rest of retention goes on
        _log.warning("`%s` cannot be deleted: %s", path.name, error.strerror)
        return False
    return True


def _read(path: Path) -> Settlement | None:
    try:
        return Settlement.model_validate_json(path.read_bytes())
    except FileNotFoundError:  # another process has applied it
        return None
    except OSError as error:  # another account's, for example: no call may fail for it
        _log.warning("the settlement `%s` cannot be read: %s; it waits", path.name, error.strerror)
        return None
    except ValidationError:
        _log.warning("`%s` is no settlement of this version; it was set aside", path.name)
        with suppress(OSError):
            path.rename(path.with_suffix(_UNREAD))
        return None
