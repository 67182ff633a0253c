"""Copying a corpus from one backend to another, version by version, without parsing, splitting or embedding again.

Versions that the target already holds are recognised by document, text and parser, so a copy that was killed can be
started again. At the end, both sides are read again and compared in full.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from retrieval.backend import CorpusBackend, CorpusWriter, StoredVersion
from retrieval.documents import evidence_id
from retrieval.preparation import PreparedDocument
from retrieval.reports import CopyReport
from state.access import Labels
from state.errors import BadInput, CorpusCorrupt, CorpusEmpty

Progress = Callable[[CopyReport], None]
Place = tuple[str, str]
"""Tenant and name of a corpus."""

BATCH_PASSAGES = 256
"""A batch is written once it has this many passages. A chosen value: it bounds the memory and the length of a
transaction, at the price of one commit per batch."""

_AGAIN = "copy it to another name with `--as`"


class _Key(NamedTuple):
    document_id: str
    text_hash: str
    labels: Labels
    splitting: str | None


_Name = tuple[str, Labels]
"""A document: one id under different access labels is several documents."""


@dataclass(frozen=True)
class _Plan:
    """All versions of the source, those that the target lacks, and the documents to be deleted in the target."""

    keys: tuple[_Key, ...]
    missing: tuple[_Key, ...]
    deleted: tuple[_Name, ...]


async def copy_versions(
    source: CorpusBackend, target: CorpusBackend, moved: Place | None, progress: Progress | None = None
) -> CopyReport:
    """Copy the versions that `target` lacks, then compare both sides. Raises the errors of `Corpus.copy_into`.

    Args:
        source: the corpus to copy; its writer lock is held until the comparison is done.
        target: the corpus to copy into; its writer lock is held as well.
        moved: tenant and name of the target if they differ from the source's; evidence ids are then computed anew.
        progress: called after each transaction.
    """
    # Both locks: the plan, the copy and the comparison must describe one state of both sides.
    async with source.writer(), target.writer() as writer:
        model = (await source.revision()).embedding_model
        plan = await _plan(source, target)
        report = CopyReport(unchanged=len(plan.keys) - len(plan.missing), embedding_model=model)
        batch: list[StoredVersion] = []
        for key in plan.missing:
            batch.append(_moved(await _read(source, key), moved))
            if sum(len(each.vectors) for each in batch) >= BATCH_PASSAGES:
                report = await _put(writer, batch, report, progress)
        report = await _put(writer, batch, report, progress)
        if plan.deleted:
            await writer.delete([name for name, _ in plan.deleted], lambda name, labels: (name, labels) in plan.deleted)
        await writer.build()
        passages, digest = await _compared(source, target, plan.keys, moved)
        return report.model_copy(update={"passages": passages, "digest": digest})


async def _put(
    writer: CorpusWriter, batch: list[StoredVersion], report: CopyReport, progress: Progress | None
) -> CopyReport:
    if not batch:
        return report
    pairs = [(each.document, each.vectors) for each in batch]
    await writer.put(pairs, report.embedding_model, lambda new, old: new.labels == old)
    report = report.model_copy(
        update={
            "copied": report.copied + len(batch),
            "passages": report.passages + sum(len(each.vectors) for each in batch),
        }
    )
    batch.clear()
    if progress is not None:
        progress(report)
    return report


async def _plan(source: CorpusBackend, target: CorpusBackend) -> _Plan:
    """Compare the histories of each document; the target's must be the beginning of the source's."""
    wanted, found = _histories((await source.inventory())[1]), _histories((await target.inventory())[1])
    if not wanted:
        raise CorpusEmpty("there is nothing to copy")
    for name, history in found.items():
        if not _begins(wanted.get(name, []), history):
            raise BadInput(f"the target's history of document {name[0][:80]!r} is not the source's", hint=_AGAIN)
    keys = [_key(each) for history in wanted.values() for each in history]
    missing = [_key(each) for name, history in wanted.items() for each in history[len(found.get(name, [])) :]]
    gone = [
        name
        for name, history in wanted.items()
        if history[-1]["superseded"] and not (name in found and found[name][-1]["superseded"])
    ]
    return _Plan(tuple(keys), tuple(missing), tuple(gone))


def _key(entry: Mapping[str, Any]) -> _Key:
    return _Key(entry["document_id"], entry["text_hash"], entry["labels"], entry["splitting"])


def _histories(entries: Sequence[Mapping[str, Any]]) -> dict[_Name, list[Mapping[str, Any]]]:
    """Return the versions of each document in the order of ingestion, the live one last."""
    found: dict[_Name, list[Mapping[str, Any]]] = {}
    for entry in sorted(entries, key=lambda each: (not each["superseded"], each["ingested_at"])):
        found.setdefault((entry["document_id"], entry["labels"]), []).append(entry)
    return dict(sorted(found.items()))


def _begins(wanted: Sequence[Mapping[str, Any]], found: Sequence[Mapping[str, Any]]) -> bool:
    # Not the number of passages: it falls when a text is split anew and the new version takes some over.
    names = ("text_hash", "parser", "parser_version", "chars", "splitting")
    same = [[each[name] for name in names] for each in wanted[: len(found)]]
    if same != [[each[name] for name in names] for each in found]:
        return False
    return len(found) < len(wanted) or bool(wanted[-1]["superseded"]) or not found[-1]["superseded"]


async def _read(backend: CorpusBackend, key: _Key) -> StoredVersion:
    version = await backend.version(*key)
    if version is None:
        raise CorpusCorrupt(f"document {key.document_id[:80]!r} is in the inventory of the corpus but cannot be read")
    return version


def _moved(version: StoredVersion, place: Place | None) -> StoredVersion:
    """Return `version` with the evidence ids that it has in the corpus at `place`."""
    document = version.document
    if place is None:
        return version
    named = (*place, document.document_id, document.text_hash)
    passages = tuple(
        replace(each, evidence_id=evidence_id(*named, each.start, each.end, document.labels))
        for each in document.passages
    )
    return version._replace(document=replace(document, passages=passages))


async def _compared(
    source: CorpusBackend, target: CorpusBackend, keys: Sequence[_Key], moved: Place | None
) -> tuple[int, str]:
    """Return the number of passages and the digest of both sides. Raises `CorpusCorrupt` where they differ."""
    states = [await _states(each) for each in (source, target)]
    if states[0] != states[1]:
        raise CorpusCorrupt("the copy and its source do not hold the same documents and passages", hint=_AGAIN)
    total, digest = 0, hashlib.sha256()
    for key in keys:
        mine, theirs = _moved(await _read(source, key), moved), await _read(target, key)
        expected = _fingerprint(mine)
        if _fingerprint(theirs) != expected:
            raise CorpusCorrupt(f"the copy differs from its source at document {key.document_id[:80]!r}", hint=_AGAIN)
        total += len(mine.texts)
        digest.update(expected)
    return total, digest.hexdigest()


async def _states(backend: CorpusBackend) -> list[tuple[Any, ...]]:
    names = ("document_id", "text_hash", "labels", "chars", "passages", "superseded")
    return sorted(tuple(each[name] for name in names) for each in (await backend.inventory())[1])


def _fingerprint(version: StoredVersion) -> bytes:
    """Return the SHA-256 of a version: evidence ids, texts, offsets, metadata and the bits of its vectors."""
    import numpy as np  # here: most commands copy nothing

    digest = hashlib.sha256(_canonical(_described(version.document)))
    rows = zip(version.document.passages, version.texts, version.metadata, version.vectors, strict=True)
    for passage, text, metadata, vector in rows:
        place = (passage.start, passage.end, passage.page, passage.page_end, list(passage.heading_path), passage.kind)
        digest.update(_canonical([passage.evidence_id, *place, text, metadata]))
        digest.update(np.asarray(vector, dtype=np.float32).tobytes())
    return digest.digest()


def _described(document: PreparedDocument) -> list[Any]:
    return [
        document.document_id,
        document.text_hash,
        document.text,
        document.source,
        document.title,
        document.parser,
        document.parser_version,
        document.pages,
        document.splitting,
    ]


def _canonical(value: Any) -> bytes:
    return json.dumps(_number(value), sort_keys=True).encode()


def _number(value: Any) -> Any:
    """Return `value` with whole floats as integers, so that both backends give one digest."""
    # Oracle's JSON type has one kind of number: 2.0 comes back as 2.
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return {name: _number(each) for name, each in value.items()}
    return [_number(each) for each in value] if isinstance(value, list | tuple) else value
