"""The key of a row depends on everything that its answer depends on."""

from types import SimpleNamespace

import pytest

from experience.batch.keys import Keys
from experience.service import ResearchRequest
from settings import load_settings
from state.channels import ResearchContext
from state.errors import CorpusMissing

STORE = {"corpus": "both", "vector_store": "vs_1"}


async def missing(*_):
    raise CorpusMissing("there is no corpus")


async def key_of(home, **sources):
    service = SimpleNamespace(
        settings=load_settings(home=home, sources=sources),
        gateway=SimpleNamespace(model_id=lambda *_: "m", judge_id=lambda _: "m"),
        corpora=SimpleNamespace(get=missing),
        effective=lambda context: context,
    )
    asked = ResearchRequest(question="Why?", context=ResearchContext(corpus="both"))
    return await Keys(service).of_request(asked, 1)


@pytest.mark.parametrize(
    "other",
    [{}, {"a": {**STORE, "vector_store": "vs_2"}}, {"a": {**STORE, "passages": 9}}, {"a": {**STORE, "audience": "x"}}],
)
async def test_another_declaration_of_a_source_gives_another_key(tmp_path, other):
    assert await key_of(tmp_path, **other) != await key_of(tmp_path, a=STORE)


async def test_a_source_of_another_corpus_or_tenant_changes_no_key(tmp_path):
    others = {"b": {**STORE, "corpus": "other"}, "c": {**STORE, "tenant": "t"}}
    assert await key_of(tmp_path, a=STORE, **others) == await key_of(tmp_path, a=STORE)
