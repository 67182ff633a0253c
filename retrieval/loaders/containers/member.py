"""The members of a container: their names, and how they are unpacked within the limits."""

from __future__ import annotations

import re
import shutil
from itertools import count
from pathlib import Path
from typing import IO, NamedTuple

from retrieval.documents import FailedFile, LoadedDocument
from retrieval.loaders.canonical import well_formed
from retrieval.loaders.errors import LoadFault
from retrieval.loaders.source import Source

_SEPARATOR = "!/"
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_DRIVE = re.compile(r"\A[A-Za-z]:")
_MOST_NAME_BYTES = 150
"""Of the name under which a member lies on the disk: file systems take 255. A chosen value."""


class Member(NamedTuple):
    """A file that was unpacked: its path within the container, and where it lies now."""

    name: str
    path: Path


Item = LoadedDocument | FailedFile | Member
"""What a loader yields."""


def named(container: str, member: str) -> str:
    """Return the id of a member: `box.zip!/folder/file.txt`."""
    return f"{container}{_SEPARATOR}{member}"


def inner_name(given: str) -> str:
    """Return the path of a member with `/` between its parts.

    Raises:
        LoadFault: it leads out of the container.
    """
    parts = _CONTROL.sub("?", well_formed(given)).replace("\\", "/").split("/")
    if not parts[0] or ".." in parts or _DRIVE.match(parts[0]):
        raise LoadFault(
            "its name leads out of the archive, so it is not read; unpack the archive and ingest the folder"
        )
    return "/".join(part for part in parts if part not in ("", "."))


class FreeNames:
    """Gives names that no other member has.

    >>> names = FreeNames()
    >>> names.free("a.pdf"), names.free("a.pdf"), names.free("a.pdf")
    ('a.pdf', 'a (2).pdf', 'a (3).pdf')
    """

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._last: dict[str, int] = {}

    def free(self, given: str) -> str:
        """Return the name, with a number if it is taken."""
        stem, dot, suffix = given.rpartition(".") if "." in given else (given, "", "")
        # Counted on from the last one: a thousand attachments may have one name.
        numbers = count(self._last.get(given, 0) + 1)
        names = ((at, given if at == 1 else f"{stem} ({at}){dot}{suffix}") for at in numbers)
        self._last[given], name = next(pair for pair in names if pair[1] not in self._taken)
        self._taken.add(name)
        return name


def last_part(name: str) -> str:
    """Return the last part of a file's name, whichever system it comes from; empty if it has none.

    >>> last_part("C:\\Users\\a.pdf")
    'a.pdf'
    """
    return _CONTROL.sub("?", well_formed(name)).replace("\\", "/").rpartition("/")[2].strip(". ")


def is_hidden(name: str) -> bool:
    """Return whether a member is skipped, as hidden files in folders are."""
    return any(part.startswith(".") or part == "__MACOSX" for part in name.split("/"))


class Overfull(LoadFault):
    """A container unpacks to more bytes than the limit."""


class Counter:
    """Counts unpacked bytes, whatever an archive states of its sizes."""

    def __init__(self, given: Source) -> None:
        self.left = given.left_bytes
        self._most = given.settings.limits.unpacked_bytes

    def count(self, size: int) -> None:
        """Take note of unpacked bytes. Raises `Overfull` if there are more than allowed."""
        self.left -= size
        if self.left < 0:
            most = f"{self._most:,}"
            raise Overfull(
                f"it unpacks to more than {most} bytes; split it, or raise SIXPLANE_DATA__LIMITS__UNPACKED_BYTES"
            )


class Counted:
    """A stream whose bytes are counted as they are read."""

    def __init__(self, stream: IO[bytes], counter: Counter) -> None:
        self._stream, self._counter = stream, counter

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes."""
        # One more than may be read shows that there are too many, and nothing larger is allocated.
        most = max(self._counter.left, 0) + 1
        data = self._stream.read(most if size < 0 else min(size, most))
        self._counter.count(len(data))
        return data


class Unpacking:
    """Writes the members of one container. Each gets a folder of its own, and in it the last part of its name only."""

    def __init__(self, given: Source) -> None:
        if given.folder is None:
            raise ValueError("a container is read through `retrieval.loaders.containers.expanding`")
        self._container, self._folder = well_formed(given.path.as_posix()), given.folder
        self._counter = Counter(given)
        self._count = 0

    def unpacked(self, name: str, stream: IO[bytes]) -> Member:
        """Write a member. Raises `Overfull` if the container unpacks to more bytes than allowed."""
        self._count += 1
        folder = self._folder / str(self._count)
        folder.mkdir()
        path = folder / _on_disk(name)
        with path.open("wb") as file:
            shutil.copyfileobj(Counted(stream, self._counter), file, 1 << 16)
        return Member(name, path)

    def failed(self, name: str, reason: str) -> FailedFile:
        """Return the report of a member that is not read."""
        shown = _CONTROL.sub("?", well_formed(name)).replace("\\", "/").lstrip("/")
        return FailedFile(source=named(self._container, shown), reason=reason)


def _on_disk(name: str) -> str:
    """Return the last part of a name, shortened so that file systems take it; its suffix stays."""
    path = Path(name.rpartition("/")[2])
    stem = path.stem.encode()[: _MOST_NAME_BYTES - len(path.suffix.encode()[:50])].decode("utf-8", "ignore")
    return f"{stem}{path.suffix.encode()[:50].decode('utf-8', 'ignore')}"
