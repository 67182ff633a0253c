"""What OCI may answer and must not: each malformed answer is one typed error, is charged once, and nothing stays
reserved."""

from __future__ import annotations

import json

import pytest
import sqlalchemy as sa
from langchain_core.documents import Document
from langchain_core.messages import HumanMessage

from gateway import CallScope, Gateway, Ledger, load_catalog
from gateway.classification import classify
from gateway.governor import Governor
from gateway.ledger.tables import calls
from gateway.oci.plane import OCIModels
from state.errors import ModelOutputInvalid, ModelUnavailable
from state.values import Role
from tests.doubles.oci import Fault, LocalOCI
from tests.doubles.oci.session import local_session, local_settings
from tests.gateway.asked import watched

COHERE, GENERIC = "cohere.command-a-03-2025", "meta.llama-3.3-70b-instruct"
PRICES = {"cohere.rerank-v4.0-fast": (10_000, 0), "oci.guardrails": (10_000, 0)}
PROMPT = [HumanMessage("Hello?")]


@pytest.fixture(scope="module")
def served():
    with LocalOCI(lambda call: "Hello there.", embed="hash") as server:
        yield server


@pytest.fixture
def oci(served):
    served.forget()
    return served


@pytest.fixture
async def asked(oci, tmp_path):
    """Return a function that makes one call of a kind; it ends in a state of the ledger that the test looks at."""
    models = {"prices_micro_usd": PRICES, "max_attempts": 1}
    settings = local_settings(
        oci,
        tmp_path / "home",
        models=models,
        oci={"rerank_model": "cohere.rerank-v4.0-fast"},
        limits={"preset": "none"},
    )
    ledger = Ledger(settings)
    governor = Governor(settings, ledger, classify)
    plane = OCIModels(settings, local_session(oci), governor, load_catalog(prices=PRICES))
    gateway = Gateway(settings, ledger=ledger, embeddings=None, oci=plane, governor=governor)

    async def ask(kind):
        scope = CallScope("local", "run", "thread", "task", 1, Role.WRITER, COHERE if kind == "cohere" else GENERIC)
        model = gateway.chat_model(scope)
        if kind == "stream":
            return await watched(model, PROMPT)
        if kind == "embedText":
            return await plane.embeddings().aembed_documents(["a", "b"])
        if kind == "rerankText":
            return await plane.reranker().acompress_documents([Document(page_content=each) for each in "ab"], "a")
        if kind == "applyGuardrails":
            return await plane.guardrails()("a text")
        return await model.ainvoke(PROMPT)

    ask.ledger = ledger
    yield ask
    await plane.aclose()
    await ledger.aclose()


def chat(**fields):
    message = {"role": "ASSISTANT", "content": [{"type": "TEXT", "text": "Hi"}]}
    choice = {"index": 0, "message": message, "finishReason": "stop"} | fields.pop("choice", {})
    return json.dumps({"modelId": GENERIC, "chatResponse": {"apiFormat": "GENERIC", "choices": [choice], **fields}})


def cohere(**fields):
    return json.dumps(
        {"chatResponse": {"apiFormat": "COHERE", "text": "Hi", "finishReason": "COMPLETE", **fields}}
    ).replace('"1e999"', "1e999")


def said(content):
    return chat(choice={"message": {"role": "ASSISTANT", "content": content}})


def vectors(*found):
    return json.dumps({"embeddings": list(found)})


def ranked(*pairs):
    return json.dumps({"documentRanks": [{"index": index, "relevanceScore": score} for index, score in pairs]})


def guarded(**results):
    return json.dumps({"results": results})


CHAT, EMBED, RERANK, GUARD = "chat", "embedText", "rerankText", "applyGuardrails"
MALFORMED = {
    "a list": (CHAT, "[]", "list"),
    "a number": (CHAT, "7", "int"),
    "no chatResponse": (CHAT, "{}", "`chatResponse`"),
    "half of an answer": (CHAT, '{"chatResponse": {"te', "not whole JSON"),
    "a chatResponse of null": (CHAT, '{"chatResponse": null}', "`chatResponse`"),
    "a chatResponse that holds nothing": (CHAT, '{"chatResponse": {}}', "holds no answer"),
    "no choice": (CHAT, '{"chatResponse": {"choices": []}}', "choices"),
    "choices that are a mapping": (CHAT, '{"chatResponse": {"choices": {"0": {}}}}', "choices"),
    "a choice of text": (CHAT, '{"chatResponse": {"choices": ["Hi"]}}', "choices.0"),
    "content of a number": (CHAT, said(7), "message.content"),
    "content of numbers": (CHAT, said([7]), "message.content.0"),
    "a text of a number": (CHAT, said([{"type": "TEXT", "text": 7}]), "message.content.0.text"),
    "a message of text": (CHAT, chat(choice={"message": "Hi"}), "choices.0.message"),
    "a finish reason of a number": (CHAT, chat(choice={"finishReason": 7}), "choices.0.finishReason"),
    "reasoning of a list": (CHAT, chat(choice={"message": {"reasoningContent": ["hm"]}}), "reasoningContent"),
    "usage of a list": (CHAT, chat(usage=[1]), "usage"),
    "usage of text": (CHAT, chat(usage="many"), "usage"),
    "infinite tokens": ("cohere", cohere(usage={"promptTokens": "1e999"}), "usage.promptTokens"),
    "tokens that are no number": (CHAT, chat(usage={"promptTokens": float("nan")}), "usage.promptTokens"),
    "negative tokens": ("cohere", cohere(usage={"completionTokens": -1}), "usage.completionTokens"),
    "tokens of text": ("cohere", cohere(usage={"totalTokens": "12"}), "usage.totalTokens"),
    "tokens of true": ("cohere", cohere(usage={"promptTokens": True}), "usage.promptTokens"),
    "more tokens than there are": ("cohere", cohere(usage={"promptTokens": 10**30}), "usage.promptTokens"),
    "details of a number": ("cohere", cohere(usage={"promptTokensDetails": 3}), "promptTokensDetails"),
    "tool calls of a mapping": ("cohere", cohere(toolCalls={"name": "x"}), "toolCalls"),
    "text of a mapping": ("cohere", cohere(text={"a": 1}), "chatResponse.text"),
    "an event of a list": ("stream", "data: [1]\n\n", "an event of its stream is a list"),
    "an event of text": ("stream", 'data: "Hi"\n\n', "an event of its stream is a str"),
    "an event with content of a number": ("stream", 'data: {"message": {"content": 7}}\n\n', "message.content"),
    "an event with usage of a list": (
        "stream",
        'data: {"message": {"content": "Hi"}, "finishReason": "stop"}\n\ndata: {"usage": [1]}\n\n',
        "usage",
    ),
    "an event nested without end": ("stream", f"data: {'[' * 100_000}\n\n", "cannot be read as JSON"),
    "an event that is not UTF-8": ("stream", 'data: {"text": "\udcff"}\n\n', "cannot be read as JSON"),
    "an answer nested without end": (CHAT, '{"a":' * 100_000, "cannot be read as JSON"),
    "no vectors": (EMBED, "{}", "embeddings"),
    "fewer vectors than inputs": (EMBED, vectors([1.0]), "1 vectors for 2 inputs"),
    "a vector of null": (EMBED, vectors([1.0], None), "embeddings.1"),
    "a vector of text": (EMBED, vectors([1.0], "x"), "embeddings.1"),
    "an empty vector": (EMBED, vectors([1.0], []), "embeddings.1"),
    "a vector of text in a list": (EMBED, vectors([1.0], ["x"]), "embeddings.1.0"),
    "an infinite vector": (EMBED, vectors([1.0], [float("inf")]), "embeddings.1.0"),
    "a vector that 32 bits cannot hold": (EMBED, vectors([1.0], [1e39]), "embeddings.1.0"),
    "vectors of different sizes": (EMBED, vectors([1.0], [1.0, 2.0]), "vectors of 1, 2 numbers"),
    "a vector of zeros": (EMBED, vectors([1.0], [0.0]), "nothing but zeros"),
    "no ranks": (RERANK, "{}", "documentRanks"),
    "ranks for one of two": (RERANK, ranked((0, 0.5)), "1 ranks"),
    "a rank twice": (RERANK, ranked((0, 0.5), (0, 0.4)), "2 ranks"),
    "a rank of nothing": (RERANK, ranked((0, 0.5), (7, 0.4)), "2 ranks"),
    "a rank of true": (RERANK, ranked((True, 0.5), (0, 0.4)), "documentRanks.0.index"),
    "a score of text": (RERANK, ranked((0, "high"), (1, 0.4)), "documentRanks.0.relevanceScore"),
    "an infinite score": (RERANK, ranked((0, float("inf")), (1, 0.4)), "documentRanks.0.relevanceScore"),
    "no results": (GUARD, "{}", "results"),
    "categories of a mapping": (GUARD, guarded(contentModeration={"categories": {}}), "contentModeration.categories"),
    "a moderation score of text": (
        GUARD,
        guarded(contentModeration={"categories": [{"name": "OVERALL", "score": "low"}]}),
        "contentModeration.categories.0.score",
    ),
    "personal data of no place": (
        GUARD,
        guarded(personallyIdentifiableInformation=[{"label": "EMAIL", "length": 3}]),
        "personallyIdentifiableInformation.0.offset",
    ),
}


@pytest.mark.parametrize("name", MALFORMED)
async def test_a_malformed_answer_is_one_typed_error_and_leaves_nothing_reserved(oci, asked, name):
    kind, body, words = MALFORMED[name]
    path = "chat" if kind in ("cohere", "stream") else kind
    oci.faults.add(Fault("status", path, status=200, body=body, media="text/event-stream" if kind == "stream" else ""))
    with pytest.raises(ModelOutputInvalid) as told:
        await asked(kind)
    assert words in told.value.message
    assert told.value.hint
    assert len(oci.of(path)) == 1
    with asked.ledger._database.transaction() as connection:
        states = connection.execute(sa.select(calls.c.state)).scalars().all()
    assert states == ["charged"]
    assert sum(line.reserved for line in await asked.ledger.budget("local")) == 0


@pytest.mark.parametrize(("body", "words"), [("<html>no</html>", "a page"), ("", "empty"), ("no JSON", "plain text")])
@pytest.mark.parametrize("kind", [CHAT, EMBED, RERANK, GUARD])
async def test_what_is_no_json_did_not_come_from_oci(oci, asked, kind, body, words):
    oci.faults.add(Fault("status", kind, status=200, body=body))
    with pytest.raises(ModelUnavailable, match=words) as told:
        await asked(kind)
    assert "SIXPLANE_OCI__ENDPOINT" in told.value.hint


@pytest.mark.parametrize("status", [400, 500])
@pytest.mark.parametrize("body", ["[]", "7", "null", '"x"', "[" * 100_000])
async def test_an_error_body_of_any_shape_is_an_error_with_its_status(oci, asked, status, body):
    oci.faults.add(Fault("status", "chat", status=status, body=body))
    with pytest.raises(ModelUnavailable, match=str(status)):
        await asked(CHAT)
