"""Documents of earlier releases, which are named by the path that they were given, are taken over into source roots.

Such an id may begin with an absolute path, or with one relative to a folder that nobody recorded. What belongs to the
folder that is ingested now shows in its files: they stand where the ids say, and most of them have the stored texts.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from retrieval.backend import CorpusBackend
from retrieval.documents import LoadedDocument, is_langchain
from retrieval.remote.addresses import is_address
from retrieval.roots import NO_FILES, SourceRoots

if TYPE_CHECKING:
    from settings import Settings

_SAMPLE = 9
"""Documents that are compared to tell whether a folder is the one that was ingested. A chosen value."""

_COMPARED_CHARS = 20_000
_SHINGLE = 5
_ALIKE = 0.5
"""The share of common sequences of five characters from which two texts are versions of one. A chosen value: edited
texts have more, unrelated ones of one language about 0.1."""


class _Candidate(NamedTuple):
    """A document of an earlier release, the file that it may come from, and its place in that file."""

    id: str
    file: Path
    member: str


async def source_roots(backend: CorpusBackend, inputs: Any, settings: Settings) -> SourceRoots:
    """Return the source roots of a corpus for an ingestion of `inputs`."""
    if isinstance(inputs, list | tuple) and all(map(is_langchain, inputs)):
        return SourceRoots()  # no files: each has the id that its caller chose
    recorded = await backend.roots()
    claimed = tuple(f"{root.name}/" for root in recorded)
    earlier = [each for each in await backend.earlier() if not each.startswith(claimed)]
    paths, known = given_paths(inputs), SourceRoots(recorded)
    taken = set() if all(map(known.holds, paths)) else await _chosen(backend)
    if not earlier:
        return SourceRoots(recorded, taken=taken)
    found = [
        (folder, prefix)
        for folder in {_folder(each): None for each in paths}
        for prefix in await _prefixes(backend, folder, earlier, settings)
    ]
    # A new root must not get a name under which documents of another folder are stored.
    left = [each for each in earlier if not any(prefix and each.startswith(prefix) for _, prefix in found)]
    taken |= {each.partition("/")[0] for each in left if "/" in each}
    return SourceRoots(recorded, taken=taken, earlier=earlier, prefixes=found)


async def _chosen(backend: CorpusBackend) -> set[str]:
    """Return the first parts of ids that callers chose: a file must not get the id of such a document."""
    _, rows = await backend.inventory()
    chosen = (str(row["document_id"]) for row in rows if row["parser"] in NO_FILES and not row["superseded"])
    return {each.partition("/")[0] for each in chosen if "/" in each}


def given_paths(inputs: Any) -> list[Path]:
    """Return the files and folders among the inputs of an ingestion."""
    named = [each for each in _listed(inputs) if isinstance(each, str | Path)]
    return [Path(each) for each in named if isinstance(each, Path) or not is_address(each)]


def _listed(inputs: Any) -> Sequence[Any]:
    return inputs if isinstance(inputs, list | tuple) else [inputs]


def _folder(path: Path) -> Path:
    return path if path.is_dir() else path.parent


async def _prefixes(backend: CorpusBackend, folder: Path, earlier: Sequence[str], settings: Settings) -> list[str]:
    """Return what ids of earlier releases have in place of `folder`."""
    absolute, relative = _spellings(folder)
    found = [prefix for prefix in absolute if any(each.startswith(prefix) for each in earlier)]
    for prefix in sorted(relative - absolute):
        candidates = await asyncio.to_thread(_candidates, folder, prefix, earlier)
        if candidates and await _are_same(backend, candidates, settings):
            found.append(prefix)
    return sorted(found)


def _spellings(folder: Path) -> tuple[set[str], set[str]]:
    """Return how an absolute path to a file in `folder` may begin, and how a relative one."""
    real = Path(os.path.realpath(folder))
    absolute = {f"{each.as_posix().rstrip('/')}/" for each in (real, Path(os.path.abspath(folder)))}  # noqa: PTH100
    parts = real.parts[1:]
    relative = {"", *("/".join(parts[at:]) + "/" for at in range(len(parts)))}
    return absolute, relative | ({f"{folder.as_posix()}/"} if folder.as_posix() != "." else set())


def _candidates(folder: Path, prefix: str, earlier: Sequence[str]) -> list[_Candidate]:
    """Return the documents whose ids begin with `prefix` and whose files exist in `folder`."""
    found = []
    for each in earlier:
        relative = each.removeprefix(prefix)
        if not each.startswith(prefix) or Path(relative).is_absolute():
            continue
        for file, member in ((relative, ""), (relative.rpartition("#")[0], relative.rpartition("#")[2])):
            if file and os.path.lexists(folder / file):
                found.append(_Candidate(each, folder / file, f"#{member}" if member else ""))
                break
    return found


async def _are_same(backend: CorpusBackend, candidates: Sequence[_Candidate], settings: Settings) -> bool:
    """Return whether most documents have the text of their file, perhaps edited."""
    step = max(1, len(candidates) // _SAMPLE)
    alike = []
    for candidate in candidates[::step][:_SAMPLE]:
        now = await asyncio.to_thread(_text_of, candidate, settings)
        before = [
            await backend.canonical_text(candidate.id, each.text_hash) or ""
            for each in (await backend.live_versions([candidate.id])).get(candidate.id, ())
        ]
        if now is not None:
            alike.append(any(_alike(now, text) for text in before))
    return 2 * sum(alike) > len(alike)


def _text_of(candidate: _Candidate, settings: Settings) -> str | None:
    from retrieval.loaders import load_paths

    wanted = f"{candidate.file.name}{candidate.member}"
    for item in load_paths([candidate.file], settings):
        if isinstance(item, LoadedDocument) and item.document_id.endswith(wanted):
            return item.text
    return None


def _alike(one: str, other: str) -> bool:
    mine, theirs = _shingles(one), _shingles(other)
    return len(mine & theirs) >= _ALIKE * min(len(mine), len(theirs))


def _shingles(text: str) -> set[str]:
    plain = " ".join(text[:_COMPARED_CHARS].split()).casefold()
    return {plain[at : at + _SHINGLE] for at in range(max(1, len(plain) - _SHINGLE + 1))}
