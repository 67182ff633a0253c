"""Loads files and LangChain documents as canonical text. An unreadable file is reported and skipped."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from retrieval.documents import FailedFile, LoadedDocument
from retrieval.loaders.canonical import well_formed
from retrieval.loaders.containers.expanding import expanded
from retrieval.loaders.containers.member import Item
from retrieval.loaders.errors import LoadFault
from retrieval.loaders.folder_labels import label_of_folder
from retrieval.loaders.formats import FORMATS, format_of
from retrieval.loaders.reading import failed, read, reason_of
from retrieval.loaders.sifting import Sieve
from retrieval.loaders.source import Source
from retrieval.loaders.workers import read_apart
from retrieval.roots import SourceRoots
from retrieval.roots.memory import Asked, Begun, Memory, Unchanged
from retrieval.roots.stamps import Noted
from state.access import Labels
from state.errors import BadInput

if TYPE_CHECKING:
    from retrieval.loaders.langchain import load_langchain, load_loader
    from settings import Settings

__all__ = [
    "FORMATS",
    "Sieve",
    "files_of",
    "load_changed",
    "load_file",
    "load_langchain",
    "load_loader",
    "load_paths",
    "size_of",
    "survey",
]

_IN_PLACE = frozenset(("jsonl", "text"))
"""Their loaders call no library and take each character a fixed number of times: they are read where they are asked
for, all others in a process apart, which can be killed."""
_IN_PLACE_IF_SMALL = frozenset(
    ("markdown", "rst", "table", "structured.json_values", "structured.notebook", "structured.source_code")
)
_SMALL = 128 * 1024
"""Bytes of a file that is read in less time than it takes to start a process. A chosen value."""


def load_paths(
    paths: Iterable[Path],
    settings: Settings,
    audience: Labels | None = None,
    roots: SourceRoots | None = None,
    opened: Callable[[Path], None] | None = None,
) -> Iterator[LoadedDocument | FailedFile]:
    """Yield the documents of files and folders, one at a time, in the order of their names; skip hidden files.

    A document without an access label gets `audience`, or else what the setting `data.audiences` gives to its folder.
    Ids and sources name the files by `roots`, those of a corpus; without it, no folder is known as a root yet. `opened`
    is called with each file before it is read.

    Raises:
        BadInput: a named path does not exist.
    """
    for item in load_changed(paths, settings, audience, roots, opened):
        if isinstance(item, LoadedDocument | FailedFile):
            yield item


def load_changed(
    paths: Iterable[Path],
    settings: Settings,
    audience: Labels | None = None,
    roots: SourceRoots | None = None,
    opened: Callable[[Path], None] | None = None,
    memory: Memory | None = None,
) -> Iterator[LoadedDocument | FailedFile | Asked | Unchanged | Begun | Noted]:
    """Yield what `load_paths` yields, but for the files that have not changed by `memory`; and what it is to note.

    Raises:
        BadInput: a named path does not exist.
    """
    roots = roots or SourceRoots()
    sieve = Sieve(memory, settings, audience, roots)
    for found in sieve.sifted(files_of(paths, roots), opened):
        if not isinstance(found, Path):
            yield found
            continue
        if opened is not None:
            opened(found)
        yield from sieve.read(found, load_file(found, settings, audience, roots))


def files_of(paths: Iterable[Path], roots: SourceRoots) -> Iterator[Path | FailedFile]:
    """Yield the files of files and folders, and the report of each folder that cannot be listed.

    Raises:
        BadInput: a named path does not exist.
    """
    named = [Path(path) for path in paths]
    # All paths are checked before the first is loaded: a typing error must not appear halfway through an ingest.
    for path in named:
        if not os.path.lexists(path):
            raise BadInput(
                f"there is no file or folder {str(path)!r}", hint="check the path; it is relative to the working folder"
            )
    for path in named:
        yield from _files(path, roots)


def load_file(
    path: Path, settings: Settings, audience: Labels | None, roots: SourceRoots
) -> Iterator[LoadedDocument | FailedFile]:
    """Yield the documents of one file, named by `roots`, which notes whether it was read."""
    default = label_of_folder(path, settings) if audience is None else audience
    for item in _load_file(path, settings):
        if isinstance(item, FailedFile):
            roots.note(path, failed=True)
        yield _placed(item, path, default, roots) if isinstance(item, LoadedDocument) else item
    roots.note(path, failed=False)


def survey(paths: Iterable[Path]) -> tuple[int, int]:
    """Return how many files `load_paths` reads, and how many bytes they have."""
    found = [each for path in paths for each in _files(path, None) if isinstance(each, Path)]
    return len(found), sum(map(size_of, found))


def size_of(path: Path) -> int:
    """Return the size of a file, 0 if it cannot be told."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _files(path: Path, roots: SourceRoots | None, above: tuple[str, ...] = ()) -> Iterator[Path | FailedFile]:
    """Yield the files of a file or folder, and the report of each folder that cannot be listed."""
    try:
        if not path.is_dir():
            yield path
            return
        if roots is not None:
            roots.name(path)  # a folder that is read becomes a root, unless it is within one
        real = os.path.realpath(path)
        children = sorted(child for child in path.iterdir() if not child.name.startswith("."))
    except OSError as error:  # a folder may also vanish, or its disk may fail, while it is read
        yield failed(path, reason_of(error))
        return
    if real in above:
        yield failed(path, "it is a link to a folder that contains it; remove the link")
        return
    for child in children:
        yield from _files(child, roots, (*above, real))


def _placed(item: LoadedDocument, path: Path, default: Labels | None, roots: SourceRoots) -> LoadedDocument:
    """Return what a reader named by the path that it was given, named by where the file is, with its label."""
    given, name = path.as_posix(), roots.name(path)
    changed = {
        "document_id": f"{name}{item.document_id.removeprefix(given)}",
        "source": f"{name}{item.source.removeprefix(given)}",
        "earlier_ids": roots.earlier(path, item.document_id.removeprefix(given)),
    }
    return item.model_copy(update=changed if item.audience is not None else {**changed, "audience": default})


def _load_file(path: Path, settings: Settings) -> Iterator[LoadedDocument | FailedFile]:
    """Yield what the file holds, and what the files within it hold."""
    return expanded(Source(path, settings.data), _load)


def _load(source: Source) -> Iterator[Item]:
    """Yield what the file holds, or the report of why it is not read."""
    path = source.path
    name = format_of(path)
    try:
        size = _check(path, source.settings.max_file_bytes)
    except LoadFault as fault:
        yield failed(path, fault.reason)
    except OSError as error:
        yield failed(path, reason_of(error))
    else:
        reader = read if name in _IN_PLACE or (name in _IN_PLACE_IF_SMALL and size <= _SMALL) else read_apart
        yield from reader(f"retrieval.loaders.{name}", source)


def _check(path: Path, most: int) -> int:
    """Return the size of a file that can be loaded.

    Raises:
        LoadFault: it cannot.
    """
    if well_formed(path.as_posix()) != path.as_posix():
        raise LoadFault("its name is not UTF-8; rename it")
    if format_of(path) is None:
        raise LoadFault(
            f"unsupported format {path.suffix or 'without a suffix'!r}; convert it to PDF, HTML, DOCX or plain text"
        )
    if not path.is_file():
        raise LoadFault("it is not a regular file")
    size = path.stat().st_size
    if size > most:
        raise LoadFault(f"it has {size:,} bytes, more than {most:,}; split it, or raise SIXPLANE_DATA__MAX_FILE_BYTES")
    if size == 0:
        raise LoadFault("it is empty; remove it or add text to it")
    return size


def __getattr__(name: str) -> object:
    if name not in ("load_langchain", "load_loader"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("retrieval.loaders.langchain"), name)
