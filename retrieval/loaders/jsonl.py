"""JSON Lines: one document per line, in the layout of BEIR (`_id`, `title`, `text`); other scalars become metadata."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from retrieval.documents import FailedFile, LoadedDocument
from retrieval.loaders.canonical import lf, well_formed

_KNOWN = ("_id", "id", "title", "text", "metadata")


def load(path: Path) -> Iterator[LoadedDocument | FailedFile]:
    """Yield one document per line; report and skip bad lines. The file is read line by line, never as a whole."""
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                yield _load_line(path.as_posix(), number, line)


def _load_line(source: str, number: int, line: bytes) -> LoadedDocument | FailedFile:
    where = f"{source}:{number}"
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):  # deep nesting exhausts the stack of Python's parser
        return FailedFile(source=where, reason="the line is not valid JSON; correct it")
    if not isinstance(record, dict) or not isinstance(record.get("text"), str):
        return FailedFile(source=where, reason="the line is not an object with a `text`; add one to each line")
    title, text = well_formed(str(record.get("title") or "")).strip(), well_formed(lf(record["text"])).strip()
    if not text:
        return FailedFile(source=where, reason="its `text` is blank; fill it in or remove the line")
    return _document(source, number, record, title, text)


def _document(source: str, number: int, record: dict[str, Any], title: str, text: str) -> LoadedDocument:
    key = well_formed(str(next(key for key in (record.get("_id"), record.get("id"), number) if key is not None)))
    canonical = f"{title}\n\n{text}" if title else text
    return LoadedDocument(
        document_id=f"{source}#{key}",
        title=title or key,
        source=f"{source}#{key}",
        text=canonical,
        parser="jsonl",
        parser_version="1",
        metadata={**_scalars(record), "id": key},
    )


def _scalars(record: dict[str, Any]) -> dict[str, Any]:
    nested = record.get("metadata")
    given = {**(nested if isinstance(nested, dict) else {}), **{k: v for k, v in record.items() if k not in _KNOWN}}
    return {key: value for key, value in given.items() if isinstance(value, str | int | float | bool)}
