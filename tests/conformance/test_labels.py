"""Access labels on every backend: a label is kept in every shape that is understood, and refused in every other."""

from __future__ import annotations

import json

import pytest
from langchain_core.documents import Document

from tests.conformance.planes import ORACLE, opened_plane

KEPT = ["finance", ["finance"], ["legal", "finance"], ["finance", "finance"]]
REFUSED = [
    "",
    " finance",
    [],
    {},
    {"finance": True},
    5,
    True,
    [5],
    ["finance", None],
    [["finance"]],
    ["finance", "*"],
    "fin\u200bance",
    "a\nb",
    "x" * 201,
    [f"group {n}" for n in range(51)],
]


@pytest.fixture(params=["embedded", "played back", ORACLE])
async def corpus(request, tmp_path):
    async with opened_plane(request.param, tmp_path) as plane, plane.opened() as opened:
        yield opened


def in_a_line(folder, label):
    path = folder / "records.jsonl"
    path.write_text(json.dumps({"_id": "pay", "text": "The salary is 9100.", **label}) + "\n")
    return [path]


def in_metadata(_, label):
    return [Document("The salary is 9100.", metadata={"source": "pay", **label})]


WAYS = [in_a_line, in_metadata]


@pytest.mark.parametrize("way", WAYS)
async def test_a_label_in_any_shape_limits_who_reads(corpus, tmp_path, way):
    for label in KEPT:
        told = await corpus.ingest(way(tmp_path, {"audience": label}))
        assert told.failed == (), label
        (entry,) = [each for each in (await corpus.manifest()).entries if not each.superseded]
        assert set(entry.audience) == ({label} if isinstance(label, str) else set(label))
        for held, finds in (((), False), (("staff",), False), (("finance", "staff"), True), (None, True)):
            seen = corpus.seen_by(held)
            found = await seen.search("salary") if finds else await nothing(seen)
            assert bool(found) is finds, (label, held)


async def nothing(seen):
    """Whoever may read none of the documents finds the corpus empty."""
    from state.errors import CorpusEmpty

    with pytest.raises(CorpusEmpty):
        await seen.search("salary")
    return []


@pytest.mark.parametrize("way", WAYS)
async def test_a_label_of_an_unknown_shape_refuses_the_record(corpus, tmp_path, way):
    for label in [*({"audience": value} for value in REFUSED), {"audiences": ["finance"]}, {"Audience": "finance"}]:
        told = await corpus.ingest(way(tmp_path, label))
        assert (told.added, len(told.failed)) == (0, 1), label
        assert "audience" in told.failed[0].reason.lower(), label
    assert (await corpus.manifest()).entries == ()
