"""Reads the members of containers with the loaders of their formats, and names what they hold after the container."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from retrieval.documents import FailedFile, LoadedDocument
from retrieval.loaders.canonical import well_formed
from retrieval.loaders.containers.member import Item, Member, named
from retrieval.loaders.formats import is_container
from retrieval.loaders.source import Source

Load = Callable[[Source], Iterator[Item]]


def expanded(source: Source, load: Load) -> Iterator[LoadedDocument | FailedFile]:
    """Yield what `load` yields for a file; in the place of each member of a container, what it yields for the member.

    A member may be a container itself. The limits hold for a file with all that is in it.
    """
    yield from _Expanding(source, load).items(source, depth=0)


class _Expanding:
    """What is left of the limits of one file, while it is read."""

    def __init__(self, source: Source, load: Load) -> None:
        limits = source.settings.limits
        self._load, self._limits = load, limits
        self._bytes, self._members = limits.unpacked_bytes, limits.members

    def items(self, source: Source, depth: int) -> Iterator[LoadedDocument | FailedFile]:
        if not is_container(source.path):
            yield from (item for item in self._load(source) if not isinstance(item, Member))
            return
        if depth >= self._limits.containers:
            yield _failed(source, f"it is nested in {depth} others; unpack it, or raise {_NAME}CONTAINERS")
            return
        # Here and not where the container is read: that process may be killed.
        with TemporaryDirectory(prefix="sixplane-") as folder:
            for item in self._load(source._replace(folder=Path(folder), left_bytes=self._bytes)):
                if not isinstance(item, Member):
                    yield item
                    continue
                self._members -= 1
                if self._members < 0:
                    yield _failed(source, f"it holds more than {self._limits.members:,} files; {_REMEDY}MEMBERS")
                    return
                yield from self._of_member(source, item, depth)

    def _of_member(self, source: Source, member: Member, depth: int) -> Iterator[LoadedDocument | FailedFile]:
        self._bytes -= member.path.stat().st_size
        here, name = member.path.as_posix(), named(well_formed(source.path.as_posix()), member.name)
        for item in self.items(source._replace(path=member.path), depth + 1):
            renamed = {"source": name + item.source.removeprefix(here)}
            if isinstance(item, LoadedDocument):
                renamed["document_id"] = name + item.document_id.removeprefix(here)
            yield item.model_copy(update=renamed)
        shutil.rmtree(member.path.parent)


_NAME = "SIXPLANE_DATA__LIMITS__"
_REMEDY = f"split it, or raise {_NAME}"


def _failed(source: Source, reason: str) -> FailedFile:
    return FailedFile(source=well_formed(source.path.as_posix()), reason=reason)
