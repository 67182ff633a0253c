"""How many passages are retrieved by default is one setting for each meaning; an explicit `k` overrides it."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.embeddings import DeterministicFakeEmbedding

from experience.http.bodies import SearchRequest
from experience.mcp.values import K
from retrieval import Corpora
from settings import Settings, load_settings
from state.channels import ResearchContext

WORDS = "harbour"


@pytest.fixture
def settings(tmp_path: Any) -> Settings:
    return Settings(home=tmp_path, retrieval={"hits": 3, "passages_per_sub_question": 2}, telemetry={"jsonl": False})


@pytest.fixture
async def corpus(settings: Settings, tmp_path: Any) -> Any:
    for n in range(6):
        (tmp_path / f"{n}.md").write_text(f"The {WORDS} number {n} is deep.")
    async with Corpora(settings, embeddings=DeterministicFakeEmbedding(size=8)) as corpora:
        found = await corpora.create("local", "default")
        await found.ingest([tmp_path / f"{n}.md" for n in range(6)])
        yield found


async def test_a_search_without_k_returns_as_many_hits_as_the_setting_says(corpus: Any) -> None:
    assert len(await corpus.search(WORDS)) == 3
    assert len(await corpus.search(WORDS, 5)) == 5
    assert len(await corpus.as_retriever().ainvoke(WORDS)) == 3
    assert len(await corpus.as_retriever(k=4).ainvoke(WORDS)) == 4


def test_measured_and_chosen_defaults() -> None:
    retrieval = load_settings().retrieval
    assert (retrieval.hits, retrieval.passages_per_sub_question) == (10, 8)


@pytest.mark.parametrize(
    ("schema", "setting"),
    [
        (SearchRequest.model_json_schema()["properties"]["k"], "retrieval.hits"),
        (ResearchContext.model_json_schema()["properties"]["k"], "retrieval.passages_per_sub_question"),
    ],
)
def test_a_schema_names_the_setting_and_claims_no_number(schema: dict[str, Any], setting: str) -> None:
    assert schema["default"] is None
    assert f"default: the setting `{setting}`" in schema["description"]
    assert {"type": "null"} in schema["anyOf"]


def test_the_mcp_tool_names_the_setting() -> None:
    assert "default: the setting `retrieval.hits`" in K.__metadata__[0].description  # type: ignore[attr-defined]
