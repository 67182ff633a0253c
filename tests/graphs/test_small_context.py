"""A model with a small context window: fewer passages, or an error that says what is too small."""

from __future__ import annotations

from typing import Any

import pytest

from gateway import Catalog, Gateway, Ledger
from gateway.catalog import ModelEntry
from settings import Settings
from tests.doubles.corpora import StubCorpora, StubCorpus
from tests.doubles.roles import scripted
from tests.graphs.conftest import EMBEDDINGS

QUESTION = "When did the Falcon project start?"


def small(settings: Settings, window: int, **script: Any) -> Gateway:
    """Return a gateway whose model has a context of `window` tokens."""
    entry = ModelEntry(
        id="scripted:m",
        provider="given",
        api_format="none",
        context_window=window,
        output_cap=window,
        unit="tokens",
        input_price=0,
        output_price=0,
        source="this test",
        date="2026-11-27",
    )
    models = {"scripted:m": scripted(**script)}
    catalog = Catalog([entry], prices={})
    return Gateway(settings, ledger=Ledger(settings), embeddings=EMBEDDINGS, models=models, catalog=catalog)


async def told(build: Any, ask: Any, gateway: Gateway, **context: Any) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    report = await ask(build(gateway=gateway), QUESTION, **context)
    return report, [(event["node"], event["kind"]) for event in report["events"]]


@pytest.mark.parametrize("window", [3_840, 4_096])
async def test_a_small_window_gets_fewer_passages(build: Any, ask: Any, settings: Settings, window: int) -> None:
    report, events = await told(build, ask, small(settings, window))
    assert (report["status"], events) == ("answered", [("analyzer", "evidence_left_out")])


async def test_a_passage_that_does_not_fit_gives_way_to_one_that_does(
    build: Any, ask: Any, settings: Settings, corpora: StubCorpora
) -> None:
    long = "When did the Falcon project start? " * 300
    texts = {"long": long, "short": "The Falcon project started in 2019."}
    corpora._corpora["local", "default"] = StubCorpus("default", texts)
    report, events = await told(build, ask, small(settings, 4_096))
    assert (report["status"], events) == ("answered", [("analyzer", "evidence_left_out")])
    assert [source["title"] for source in report["evidence"]] == ["Short"]


async def test_a_window_without_room_for_a_passage_is_told_with_the_remedy(
    build: Any, ask: Any, settings: Settings, corpora: StubCorpora
) -> None:
    corpora._corpora["local", "default"] = StubCorpus("default", {"long": "Falcon project. " * 600})
    report, events = await told(build, ask, small(settings, 4_096))
    assert (report["status"], report["stop_reason"]) == ("stopped", "prompt_too_long")
    assert events == [("analyzer", "node_failed")]
    detail = report["events"][0]["detail"]
    assert "the analyzer's instructions and its answer of 1024 tokens leave no room for a passage" in detail
    assert "use a model with a larger context" in detail
    assert "analyzer" not in report["usage_by_role"]


async def test_a_malformed_answer_that_cannot_be_asked_for_again_is_told_as_such(
    build: Any, ask: Any, settings: Settings
) -> None:
    gateway = small(settings, 4_096, Analysis=lambda *_: "字" * 1_500)
    report, _ = await told(build, ask, gateway)
    assert (report["status"], report["stop_reason"]) == ("stopped", "model_output_invalid")
    assert "no room to ask once more" in report["events"][-1]["detail"]
