"""JSON Lines: one document per line, in the layout of BEIR (`_id`, `title`, `text`).

`audience` is the access label of the record, beside its text or in its `metadata`. Other scalars become metadata.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from retrieval.documents import Block, FailedFile, LoadedDocument
from retrieval.loaders.canonical import lf, well_formed
from retrieval.loaders.source import Source
from state.access import AUDIENCE, Labels, labels_in, looks_like_label
from state.errors import BadInput

_NESTED = "metadata"
_KNOWN = ("_id", "id", "title", "text", _NESTED, AUDIENCE)


def load(given: Source) -> Iterator[LoadedDocument | FailedFile]:
    """Yield one document per line; report and skip bad lines. The file is read line by line, never as a whole."""
    path = given.path
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                yield _load_line(path.as_posix(), number, line)


def _load_line(source: str, number: int, line: bytes) -> LoadedDocument | FailedFile:
    where = f"{source}:{number}"
    try:
        record = json.loads(line, object_pairs_hook=_unambiguous)
    except BadInput as error:
        return _refused(where, error)
    except (ValueError, RecursionError):  # deep nesting exhausts the stack of Python's parser
        return FailedFile(source=where, reason="the line is not valid JSON; correct it")
    if not isinstance(record, dict) or not isinstance(record.get("text"), str):
        return FailedFile(source=where, reason="the line is not an object with a `text`; add one to each line")
    title, text = well_formed(str(record.get("title") or "")).strip(), well_formed(lf(record["text"])).strip()
    if not text:
        return FailedFile(source=where, reason="its `text` is blank; fill it in or remove the line")
    try:
        return _document(source, number, record, title, text, _labels(record))
    except BadInput as error:  # a label that is not understood: without it, the whole tenant could read the record
        return _refused(where, error)


def _refused(where: str, error: BadInput) -> FailedFile:
    return FailedFile(source=where, reason=f"{error.message}; {error.hint}")


def _unambiguous(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object of JSON. Of two values of one key Python keeps the last: a label could vanish so."""
    record = dict(pairs)
    if len(record) < len(pairs):
        for name, count in Counter(name for name, _ in pairs).items():
            if count > 1 and (name == _NESTED or looks_like_label(name)):
                raise BadInput(f"it has `{name}` twice", hint="remove one of them")
    return record


def _document(
    source: str, number: int, record: dict[str, Any], title: str, text: str, audience: Labels | None
) -> LoadedDocument:
    key = well_formed(str(next(key for key in (record.get("_id"), record.get("id"), number) if key is not None)))
    canonical = f"{title}\n\n{text}" if title else text
    return LoadedDocument(
        document_id=f"{source}#{key}",
        title=title or key,
        source=f"{source}#{key}",
        text=canonical,
        blocks=(Block(start=0, end=len(title), kind="heading"),) if title else (),
        parser="jsonl",
        parser_version="2",
        metadata={**_scalars(record), "id": key},
        audience=audience,
    )


def _labels(record: dict[str, Any]) -> Labels | None:
    """Return the access label. Raises `BadInput` if it is malformed, or if `metadata` gives another one."""
    outer = labels_in({key: value for key, value in record.items() if key != _NESTED})
    inner = labels_in(_nested(record))
    if outer is not None and inner is not None and outer != inner:
        raise BadInput("it has two different `audience` values", hint="remove one of them")
    return inner if outer is None else outer


def _nested(record: dict[str, Any]) -> dict[str, Any]:
    nested = record.get(_NESTED) or {}
    if not isinstance(nested, dict):
        raise BadInput(f"its `{_NESTED}` is no object", hint=f"write it as one; it may contain an `{AUDIENCE}`")
    return nested


def _scalars(record: dict[str, Any]) -> dict[str, Any]:
    nested = {key: value for key, value in _nested(record).items() if key != AUDIENCE}
    given = {**nested, **{key: value for key, value in record.items() if key not in _KNOWN}}
    return {key: value for key, value in given.items() if isinstance(value, str | int | float | bool)}
