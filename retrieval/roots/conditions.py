"""What decides, beside the bytes of a file, which documents are read from it."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from retrieval.roots.stamps import stamp_of
from state.access import Labels

if TYPE_CHECKING:
    from settings import Settings

NOT_READ = {
    "backend",
    "compiled_models_path",
    "embeddings",
    "embedding_model_path",
    "index_memory_mb",
    "lock_timeout_seconds",
    "remote",
    "trust_file_times",
    "vector_numbers",
}
"""The settings of `data` that do not say how a file is read; all others do, also those that are still to come."""

_READERS = ("access.py", "documents.py", "loaders", "preparation.py", "roots", "splitting.py", "subjects.py")

_FOLDER = re.compile(r'"([^"]+)"')  # `List of available languages in "/usr/share/tesseract-ocr/5/tessdata/" (2):`
_SECONDS = 10.0
"""How long tesseract may take to list its languages, which takes it some milliseconds."""


class Conditions:
    """The conditions of one ingestion: settings, our readers, and everything that is installed beside them."""

    def __init__(self, settings: Settings) -> None:
        data = settings.data.model_dump(mode="json", exclude=NOT_READ)
        given = [json.dumps(data, sort_keys=True), _readers(), _installed(tuple(sys.path))]
        if settings.data.ocr.enabled and (tesseract := shutil.which("tesseract")):
            given += [stamp_of(Path(tesseract)), *_languages(tesseract, settings.data.ocr.languages)]
        self._given = "\n".join(given)

    def under(self, labels: Labels | None) -> str:
        """Return what stands for the conditions of a file, with the access label of documents that bring none."""
        return hashlib.sha256(f"{self._given}\n{json.dumps(labels)}".encode()).hexdigest()[:32]


def _languages(tesseract: str, names: str) -> Iterator[str]:
    """Yield what stands for the data of the languages; if it is not told where they are, what is told of them."""
    try:
        told = subprocess.run(  # noqa: S603 - the program that would read the pages
            [tesseract, "--list-langs"], capture_output=True, text=True, timeout=_SECONDS, check=False
        ).stdout
    except (OSError, subprocess.TimeoutExpired):  # it could not read pages either, which is reported for each file
        return
    folder = _FOLDER.search(told)
    yield from (stamp_of(Path(folder[1], f"{name}.traineddata")) for name in names.split("+")) if folder else (told,)


@cache
def _readers() -> str:
    """Return the digest of our modules that read, split and name, so that no change of them needs a version."""
    root = Path(__file__).parents[1]
    found = hashlib.sha256()
    for path in sorted(_modules([root / name for name in _READERS])):
        found.update(f"{path.relative_to(root).as_posix()}\n".encode() + path.read_bytes())
    return found.hexdigest()


def _modules(places: list[Path]) -> Iterator[Path]:
    for place in places:
        yield from place.rglob("*.py") if place.is_dir() else [place]


@cache
def _installed(places: tuple[str, ...]) -> str:
    """Return the releases of all installed packages, and of Python: any of them may read a file in another way."""
    found: dict[str, str] = {}
    for folder in (Path(place) for place in places):
        for each in folder.iterdir() if folder.is_dir() else ():
            if each.suffix in (".dist-info", ".egg-info"):
                # Of two releases the first is imported; beyond that, the order of the places says nothing.
                found.setdefault(each.stem.partition("-")[0], each.name)
    return " ".join((sys.version, *sorted(found.values())))
