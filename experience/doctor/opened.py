"""Checks of what a running service has opened: cheap enough for every probe, and true where a path alone is not.

A process that holds a file open reads it on after it was deleted, and nobody else ever sees what it writes. So
everything that a run needs is read through the handles that the service has, and its files must still be those that it
opened.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from experience.doctor.health import checked
from experience.doctor.values import HealthCheck
from settings.pools import IO
from state.errors import DependencyUnavailable, GuardUnavailable, StorageFull

LOW_BYTES = 256 * 1024 * 1024
"""Free space below which a service is degraded. A chosen value: some thousand runs still find room."""

FILES = ("threads.db", "checkpoints.db", "store.db", "ledger.db")

Identity = tuple[int, int]
Read = Callable[[], Awaitable[object]]


@dataclass(frozen=True)
class Handle:
    """Something that a service holds open.

    Args:
        name: the name of its check.
        reads: each reads a little of it, and raises if that fails.
        told: what its check tells if all is well.
        essential: whether no run can work without it.
    """

    name: str
    reads: tuple[Read, ...]
    told: str
    essential: bool = True

    async def check(self) -> HealthCheck:
        """Read from it, and return the result."""
        return (await checked(self.name, self._read())).model_copy(update={"essential": self.essential})

    async def _read(self) -> str:
        for read in self.reads:
            await read()
        return self.told


class OpenedHome:
    """The home folder of a service, as it was when the service opened it.

    Args:
        home: the folder.
        handles: what else the service has opened.
        unprepared: returns the names of the guards that could not be loaded.
    """

    def __init__(self, home: Path, handles: Sequence[Handle], unprepared: Callable[[], Sequence[str]]) -> None:
        self._home, self._handles, self._unprepared = home, tuple(handles), unprepared
        self._known: dict[Path, Identity] = {}
        self._note()

    async def checks(self) -> tuple[HealthCheck, ...]:
        """Return what a probe is told."""
        opened = (await checked("home", self._files()), *[await handle.check() for handle in self._handles])
        others = (await checked("space", self._space()), await checked("guards", self._guards()))
        return (*opened, *(each.model_copy(update={"essential": False}) for each in others))

    async def _files(self) -> str:
        return await IO.run(self._same)

    def _same(self) -> str:
        for path, known in self._known.items():
            if _identity(path) != known:
                raise DependencyUnavailable(
                    f"{path.name if path != self._home else 'the home folder'} was removed or replaced",
                    hint="stop the service, put the folder back, from a backup if need be, and start it again",
                )
        self._note()
        with tempfile.TemporaryFile(dir=self._home) as file:  # permission bits say nothing about mounts and quotas
            file.write(b"x")
            file.flush()
        return "the files are those that were opened, and the folder is writable"

    def _note(self) -> None:
        """Remember the files: those of the first time, and those that were made since."""
        for path in (self._home, *(self._home / name for name in FILES)):
            if path not in self._known and (found := _identity(path)) is not None:
                self._known[path] = found

    async def _space(self) -> str:
        free = (await IO.run(shutil.disk_usage, self._home)).free
        if free < LOW_BYTES:
            raise StorageFull(f"only {free // 1024**2} MiB are free")
        return f"{free // 1024**2} MiB are free"

    async def _guards(self) -> str:
        if missing := self._unprepared():
            raise GuardUnavailable(f"not loaded: {', '.join(missing)}", hint="the log says why")
        return "all are loaded"


def _identity(path: Path) -> Identity | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino
