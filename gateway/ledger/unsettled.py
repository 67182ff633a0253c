"""Settlements that the database did not take: files of the home folder, applied by the ledger's next transaction.

An answer is paid for when it arrives. If the database is busy or down until the call's deadline, the answer is handed
on all the same, and what it cost, and its memo, wait here. They survive the process.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import sqlalchemy as sa
from pydantic import ValidationError

from gateway.ledger import attempts
from gateway.ledger.attempts import Reservation
from settings.folders import private_folder
from state.values import Usage, Value

_log = logging.getLogger(__name__)


class Settlement(Value):
    """What `Ledger.settle` was given."""

    reservation: Reservation
    usage: Usage
    answer: str | None
    state: str

    def settle(self, connection: sa.Connection) -> None:
        """Apply it in the transaction of `connection`."""
        attempts.settle(connection, self.reservation, self.usage, self.answer, self.state)


class Unsettled:
    """The settlements that wait in a folder. Applying one twice changes nothing, so two processes may both find it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, settlement: Settlement) -> None:
        """Write a settlement, whole or not at all. Raises `OSError`."""
        private_folder(self._folder)
        path = self._folder / f"{settlement.reservation.id}.json"
        fresh = path.with_suffix(".new")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(settlement.model_dump_json())
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)

    def waiting(self) -> dict[Path, Settlement]:
        """Return the settlements that wait, by file."""
        if not self._folder.is_dir():  # nearly always: every transaction of the ledger asks
            return {}
        found = {path: _read(path) for path in sorted(self._folder.glob("*.json"))}
        return {path: settlement for path, settlement in found.items() if settlement is not None}

    def applied(self, paths: Iterable[Path]) -> None:
        """Delete the files of settlements that were committed."""
        for path in paths:
            path.unlink(missing_ok=True)


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
            path.rename(path.with_suffix(".unread"))
        return None
