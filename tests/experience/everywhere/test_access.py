"""Every operation of every surface × every label × every caller: each cell as the table in docs/security.md says.

Each surface is one test, with documents of its own for each cell. What was stored is read as an operator.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pytest
from langchain_core.documents import Document

from docs.access_rules import OFFERED, RULES, Relation
from tests.experience.everywhere.callers import (
    CALLERS,
    LABELS,
    NEW,
    OLD,
    Surface,
    corpus_of,
    opened_surface,
    prepared,
)
from tests.experience.everywhere.exports import bundled

READING = ("search", "ask", "passage", "count", "list", "verify")
LIVE = dict[str, list[tuple[tuple[str, ...], int]]]


def relation(label: tuple[str, ...], held: tuple[str, ...] | None) -> Relation:
    if held is None:
        return Relation.OPERATOR
    shared = set(label) & set(held)
    if not label:
        return Relation.OPEN
    return Relation.NONE if not shared else Relation.ALL if shared == set(label) else Relation.SOME


async def live(home: Path, corpus: str) -> LIVE:
    """Return label and length of the live documents of a corpus, by name."""
    found: LIVE = {}
    async with corpus_of(home, corpus) as opened:
        for entry in (await opened.manifest()).entries:
            if not entry.superseded:
                found.setdefault(Path(entry.document_id).name, []).append((entry.audience, entry.chars))
    return found


async def stored(surface: Surface, caller: str) -> dict[tuple[str, str], str]:
    """Store a document under each label, and one under a label that is not understood."""
    cells = {}
    for label, audience in LABELS.items():
        name = f"store-{label}-{caller}.txt"
        told = await surface.store(caller, "writes", {name: OLD}, audience or ("*",))
        kept = (await live(surface.home, "writes")).get(name, [])
        assert kept in ([], [(audience, len(OLD))])
        assert (told.added, len(told.failed)) == (len(kept), 1 - len(kept))
        cells["store", label] = "stored" if kept else "refused"
        name = f"malform-{label}-{caller}.txt"
        told = await surface.store(caller, "writes", {name: OLD}, (*audience, "hid\u200bden"))
        kept = (await live(surface.home, "writes")).get(name, [])
        assert told is None or (told.added, len(told.failed)) == (len(kept), 1 - len(kept))
        cells["malform", label] = "stored" if kept else "refused"
    return cells


async def rewritten(surface: Surface, operation: str, caller: str) -> dict[tuple[str, str], str]:
    """Send documents once more which an operator stored under each label."""
    names = {label: f"{operation}-{label}-{caller}.txt" for label in LABELS}
    for label, audience in LABELS.items():
        told = await surface.store("operator", "writes", {names[label]: OLD}, audience or ("*",))
        assert told.added == 1
    text = OLD if operation == "repeat" else NEW
    given = ("*",) if operation == "relabel" else None
    told = await surface.store(caller, "writes", dict.fromkeys(names.values(), text), given)
    now = await live(surface.home, "writes")
    cells = {}
    for label, audience in LABELS.items():
        before, refused = (audience, len(OLD)), names[label] in {Path(each.source).name for each in told.failed}
        states = {
            "refused" if refused else "unchanged": [before],
            "stored beside it": sorted([before, ((), len(text))]),
            "replaced, label kept" if given is None else "replaced, open": [
                (audience if given is None else (), len(NEW))
            ],
        }
        found = sorted(now[names[label]])
        cells[operation, label] = next((name for name, state in states.items() if state == found), str(found))
    # The report tells of what the caller did to what it may read, and of nothing else.
    counted = [*cells.values()]
    assert told.added == counted.count("stored beside it")
    assert told.unchanged == counted.count("unchanged")
    assert told.updated == sum(each.startswith("replaced") for each in counted)
    assert told.superseded == told.updated
    return cells


async def pruned(surface: Surface, caller: str) -> dict[tuple[str, str], str]:
    """Prune old versions of documents of each label."""
    async with corpus_of(surface.home, "prunes") as opened:
        for text in (f"{OLD} {caller}", f"{NEW} {caller}"):
            for label, audience in LABELS.items():
                await opened.ingest([Document(text, id=label)], audience=audience or "*")
        removed = await surface.prune(caller, "prunes")
        old = [each.document_id for each in (await opened.manifest()).entries if each.superseded]
    assert removed >= len(set(LABELS) - set(old))
    return {("prune", label): "kept" if label in old else "pruned" for label in LABELS}


async def read(surface: Surface, operation: str, caller: str) -> dict[tuple[str, str], str]:
    """Read the documents of each label."""
    seen = await getattr(surface, operation)(caller)
    assert seen <= set(LABELS)
    rule = next(rule for rule in RULES if rule.operation == operation)
    words = rule.outcome(Relation.OPEN), rule.outcome(Relation.NONE)
    return {(operation, label): words[label not in seen] for label in LABELS}


async def exported(surface: Surface, caller: str) -> dict[tuple[str, str], str]:
    """Export a report that cites the documents of each label."""
    words = {"whole": "its text", "excerpts": "the cited passages", "quoted": "the report's quotes"}
    open_, readable = [bundled(each) for each in await surface.export(caller, "open", "readable")]
    assert set(open_) == set(readable) == set(LABELS)
    # Without a request for it, no whole text of a document with a label leaves the installation.
    limited = {label: "excerpts" if LABELS[label] and how == "whole" else how for label, how in readable.items()}
    assert open_ == limited
    return {("export", label): words[how] for label, how in readable.items()}


async def tried(surface: Surface, offered: Collection[str], caller: str) -> dict[tuple[str, str], str]:
    """Return what comes of each operation for a caller, by operation and label."""
    found: dict[tuple[str, str], str] = {}
    for operation in READING:
        found |= await read(surface, operation, caller) if operation in offered else {}
    if "export" in offered:
        found |= await exported(surface, caller)
    if "store" in offered:
        found |= await stored(surface, caller)
        for operation in ("replace", "relabel", "repeat"):
            found |= await rewritten(surface, operation, caller)
    if "delete" in offered:
        found |= {("delete", label): outcome for label, outcome in (await surface.delete(caller)).items()}
    if "prune" in offered:
        found |= await pruned(surface, caller)
    return found


# MCP opens a session for each call, which takes as long as all the other ways.
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.long if name == "MCP" else ()) for name in OFFERED]
)
async def test_every_cell_is_as_the_table_says(name: str, tmp_path: Path) -> None:
    await prepared(tmp_path)
    async with opened_surface(name, tmp_path) as surface:
        found = {
            (*cell, caller): outcome
            for caller in surface.callers
            for cell, outcome in (await tried(surface, OFFERED[name], caller)).items()
        }
    assert found == {
        (rule.operation, label, caller): rule.outcome(relation(audience, CALLERS[caller]))
        for rule in RULES
        if rule.operation in OFFERED[name]
        for label, audience in LABELS.items()
        for caller in surface.callers
    }


def test_every_relation_is_tried() -> None:
    assert {relation(label, held) for label in LABELS.values() for held in CALLERS.values()} == set(Relation)
