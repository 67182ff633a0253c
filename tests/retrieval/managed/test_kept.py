"""What managed sources returned, when several threads are shown it and forgotten at once; on PostgreSQL."""

from __future__ import annotations

import asyncio

import pytest
from langchain_core.documents import Document

from retrieval.managed.kept import KeptPassages
from retrieval.managed.passages import LONGEST_TEXT, taken
from settings import load_settings
from settings.sources import SourceSettings

DECLARED = SourceSettings(corpus="c", tenant="t", vector_store="vs_1")


def passages(*texts: str):
    found, left_out = taken("archive", DECLARED, [Document(text, metadata={"document_id": "d"}) for text in texts])
    return found, left_out


@pytest.fixture
async def kept(postgres, tmp_path):
    store = KeptPassages(load_settings(home=tmp_path, data={"backend": "oracle"}))
    yield store
    await store.aclose()


async def test_many_threads_are_shown_the_same_at_once(kept):
    found, _ = passages("one", "two", "three")
    await asyncio.gather(*(kept.keep("t", "c", f"t/{n}", found) for n in range(8)))
    ids = [each.evidence_id for each in found]
    assert await kept.by_evidence("t", "c", ids) == {
        each.evidence_id: each.model_copy(update={"scores": type(each.scores)()}) for each in found
    }
    for n in range(7):
        await kept.forget_thread(f"t/{n}")
        assert await kept.count("t", "c", "archive") == 3
    await kept.forget_thread("t/7")
    assert await kept.count("t", "c", "archive") == 0


async def test_what_one_thread_forgets_while_another_is_shown_it_stays(kept):
    found, _ = passages("one", "two")
    for n in range(12):
        await kept.keep("t", "c", f"t/old-{n}", found)
        await asyncio.gather(kept.forget_thread(f"t/old-{n}"), kept.keep("t", "c", f"t/new-{n}", found))
        assert await kept.count("t", "c", "archive") == 2
        await kept.forget_thread(f"t/new-{n}")
        assert await kept.count("t", "c", "archive") == 0


def test_a_passage_that_cannot_be_kept_is_left_out_and_a_repeated_one_taken_once():
    found, left_out = passages("a", "x" * (LONGEST_TEXT + 1), "\ud800", "b", "a")
    assert ([each.text for each in found], left_out) == (["a", "b"], 2)
    assert [each.scores.fused for each in found] == [1.0, 0.5]
    (other,), _ = taken("archive", DECLARED.model_copy(update={"audience": ("x",)}), [Document("a")])
    assert len({found[0].evidence_id, other.evidence_id}) == 2


def test_a_number_that_no_page_has_is_left_out():
    (found,), _ = taken("archive", DECLARED, [Document("a", metadata={"pages": (3, 2**70)})])
    assert (found.page, found.page_end) == (3, 3)
