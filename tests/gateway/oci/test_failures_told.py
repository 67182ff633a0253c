"""What OCI may answer to a call that fails, on each of its APIs: which error it is, what the user reads of it with the
request id, whether a fallback model is asked instead, what it costs, and that nothing stays reserved."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from langchain_core.documents import Document
from langchain_core.messages import HumanMessage

from experience.exits import Exit, exit_status
from gateway import CallScope, Gateway, Ledger, load_catalog
from gateway.classification import classify
from gateway.governor import Governor
from gateway.oci.plane import OCIModels
from gateway.oci_openai.plane import CompatibleModels
from observability import collected_notices
from state.errors import (
    ContentRefused,
    CredentialsRefused,
    ModelOutputInvalid,
    ModelUnavailable,
    PromptTooLong,
    SixplaneError,
)
from state.values import Role
from tests.doubles.oci import Fault, LocalOCI
from tests.doubles.oci.session import local_session, local_settings
from tests.gateway.asked import watched

COHERE, GENERIC = "cohere.command-a-03-2025", "meta.llama-3.3-70b-instruct"
COMPATIBLE, FALLBACK = "oci-openai:openai.gpt-oss-120b", "xai.grok-4.3"
MODELS = {"cohere": COHERE, "chat": COMPATIBLE, "responses": COMPATIBLE, "keyed": COMPATIBLE}
PRICES = {"cohere.rerank-v4.0-fast": (10_000, 0), "oci.guardrails": (10_000, 0)}
CATALOG = load_catalog(prices=PRICES)
PROMPT = "My patient Ann Smith has a rare disease. What is it?"
PAGE = "<html><body>Sign in</body></html>"


@dataclass(frozen=True)
class Row:
    """One failure.

    Args:
        way: how a model is asked: `native` (GENERIC), `cohere`, `stream`, `chat`, `responses`, `keyed`, or the
            operation of another model.
        fault: what the double answers.
        kind: the error that the caller gets where there is no fallback.
        says: what the error says, beside the request id.
        hint: what its hint names.
        goes_on: whether a fallback model is asked instead.
        billed: whether the attempt is charged.
        attempts: how often it is asked.
    """

    way: str
    fault: Fault
    kind: type[SixplaneError]
    says: str
    hint: str
    goes_on: bool = False
    billed: bool = False
    attempts: int = 1
    hidden: tuple[str, ...] = field(default=())


def status(code: int, message: str = "", **given: Any) -> Fault:
    """Return an answer of OCI's shape. `error` gives the code."""
    return Fault("status", status=code, code=given.pop("error", ""), message=message, **given)


def ok(body: Any, media: str = "", times: int = 1) -> Fault:
    text = body if isinstance(body, str) else json.dumps(body)
    return Fault("status", status=200, body=text, media=media, times=times)


def openai_error(code: int, error: str, message: str) -> Fault:
    return Fault("status", status=code, body={"error": {"code": error, "message": message, "type": "invalid"}})


def cohere(reason: str, times: int = 1, **given: str) -> Fault:
    answer = {"apiFormat": "COHERE", "text": "Hi", "finishReason": reason, **given}
    return ok({"chatResponse": answer}, times=times)


def response(**given: Any) -> Fault:
    head = {"id": "resp_1", "object": "response", "created_at": 1, "model": "m", "output": [], "tools": []}
    return ok({**head, "parallel_tool_calls": True, "tool_choice": "auto", **given})


FILTER = "Inappropriate content detected!!!"
LONG = "This model's maximum context length is 8192 tokens. However, you requested 9000 tokens."
GONE = "Entity with key meta.llama-3.3-70b-instruct not found"
DENIED = "Authorization failed or requested resource not found."
TWICE = {"times": 2}

ROWS: dict[str, Row] = {
    "a guardrail of the endpoint": Row(
        "native", status(400, FILTER), ContentRefused, f'it refused the content ("{FILTER}", status 400', "rephrase"
    ),
    "a toxic answer": Row("cohere", cohere("ERROR_TOXIC"), ContentRefused, "content filter", "rephrase", billed=True),
    "an error in place of an answer's end": Row(
        "cohere",
        cohere("ERROR", errorMessage="The model is gone.", times=2),
        ModelUnavailable,
        "2 times: it ended with 'error' (\"The model is gone.\", request id",
        "try again",
        goes_on=True,
        billed=True,
        attempts=2,
    ),
    "an answer that a filter ended": Row(
        "native",
        ok({"chatResponse": {"apiFormat": "GENERIC", "choices": [{"index": 0, "finishReason": "content_filter"}]}}),
        ContentRefused,
        "its content filter ended the answer",
        "rephrase",
        billed=True,
    ),
    "a filter amid a stream": Row(
        "stream",
        ok('data: {"code": "content_filter", "message": "stopped"}\n\n', "text/event-stream"),
        ContentRefused,
        'ended the answer ("stopped", code content_filter',
        "rephrase",
        billed=True,
    ),
    "a filter of chat completions": Row(
        "chat", openai_error(400, "content_filter", "Filtered."), ContentRefused, "code content_filter", "rephrase"
    ),
    "usage guidelines": Row(
        "chat", status(403, "Content violates usage guidelines."), ContentRefused, "status 403", "rephrase"
    ),
    "an answer of chat completions that a filter ended": Row(
        "chat", Fault("error_finish"), ContentRefused, "its content filter ended", "rephrase", billed=True
    ),
    "a response that a filter ended": Row(
        "responses", Fault("error_finish"), ContentRefused, "its content filter ended", "rephrase", billed=True
    ),
    "a wrong key": Row(
        "native", status(401, "bad"), CredentialsRefused, 'it answered 401 ("bad", code NotAuthenticated', "doctor"
    ),
    "a wrong signature on chat completions": Row(
        "chat", status(401, "bad"), CredentialsRefused, 'it answered 401 ("bad", code NotAuthenticated', "doctor"
    ),
    "an API key of another region": Row(
        "keyed", status(401), CredentialsRefused, "its API key is not accepted (status 401", "another region"
    ),
    "a key that the service repeats": Row(
        "keyed",
        openai_error(401, "invalid_api_key", "Incorrect API key provided: sk-very-secret-key-1234."),
        CredentialsRefused,
        '("Incorrect API key provided: …."',
        "another region",
        hidden=("very-secret", "1234"),
    ),
    "guardrails without a key": Row("applyGuardrails", status(401), CredentialsRefused, "it answered 401", "doctor"),
    "embeddings without a key": Row("embedText", status(401), CredentialsRefused, "it answered 401", "doctor"),
    "reranking without a policy": Row(
        "rerankText", status(404, DENIED), ModelUnavailable, "its compartment does not exist", "allow group"
    ),
    "a prompt beyond the context": Row(
        "native", status(400, LONG), PromptTooLong, "the prompt exceeds its context", "-k", goes_on=True
    ),
    "a prompt beyond Cohere's limit": Row(
        "cohere", cohere("ERROR_LIMIT"), PromptTooLong, "exceeds its context", "-k", goes_on=True, billed=True
    ),
    "a prompt beyond the context of chat completions": Row(
        "chat", openai_error(400, "context_length_exceeded", "Too long."), PromptTooLong, "exceeds", "-k", goes_on=True
    ),
    "a request that is too large": Row("native", status(413), PromptTooLong, "status 413", "-k", goes_on=True),
    "a model of another region": Row(
        "native", status(404, GONE), ModelUnavailable, "it is not served in this region", "SIXPLANE_OCI__REGION", True
    ),
    "a model of another region on responses": Row(
        "responses", status(404, "no model 'm'"), ModelUnavailable, "in this region", "SIXPLANE_OCI__REGION", True
    ),
    "an unknown compartment": Row(
        "native", status(404, DENIED), ModelUnavailable, f'it may not be used (404) ("{DENIED}"', "allow group", True
    ),
    "an unknown project": Row(
        "chat", status(404, "no such project"), ModelUnavailable, "its project does not exist", "PROJECT_ID", True
    ),
    "a forbidden service": Row("native", status(403), ModelUnavailable, "it answered 403", "limits", True),
    "throttling": Row(
        "native", status(429, **TWICE), ModelUnavailable, "2 times: it answered 429", "throttles", True, attempts=2
    ),
    "a fault of the service": Row(
        "native", status(500, **TWICE), ModelUnavailable, "2 times: it answered 500", "request-id", True, True, 2
    ),
    "a fault of chat completions": Row(
        "chat", status(503, **TWICE), ModelUnavailable, "2 times: it answered 503", "request-id", True, True, 2
    ),
    "a response that failed": Row(
        "responses",
        response(status="failed", error={"code": "invalid_image", "message": "No image."}),
        ModelUnavailable,
        'its response failed ("No image.", code invalid_image',
        "try again",
        goes_on=True,
        billed=True,
    ),
    "a page in place of an error": Row(
        "native", Fault("status", status=403, body=PAGE), ModelUnavailable, "web page and status 403", "ENDPOINT", True
    ),
    "a page in place of an answer": Row(
        "chat", Fault("status", status=200, body=PAGE), ModelUnavailable, "page and status 200", "BASE_URL", True
    ),
    "half an answer": Row(
        "native", ok('{"chatResponse": {"te'), ModelOutputInvalid, "not whole JSON", "model", billed=True
    ),
    "something else than a completion": Row(
        "chat", ok("null"), ModelUnavailable, "its answer is not a chat completion", "BASE_URL", True, billed=True
    ),
    "a message that quotes the prompt": Row(
        "native",
        status(400, f"The text '{PROMPT}'; is odd.", error="InvalidParameter"),
        ModelUnavailable,
        "(\"The text '…', is odd.\", code InvalidParameter",
        "another model",
        goes_on=True,
        hidden=("Ann Smith", "disease"),
    ),
    "a long message": Row(
        "native", status(400, "x" * 5_000), ModelUnavailable, f"{'x' * 199}…", "model", True, hidden=("x" * 200,)
    ),
}


@pytest.fixture(scope="module")
def served() -> Iterator[LocalOCI]:
    with LocalOCI(lambda _: "Hello there.", embed="hash", api_key="sk-local") as server:
        yield server


@pytest.fixture
def oci(served: LocalOCI) -> LocalOCI:
    served.forget()
    return served


class Asked:
    """A gateway on both planes of a local OCI."""

    def __init__(self, oci: LocalOCI, home: Any, way: str, fallbacks: tuple[str, ...]) -> None:
        self.way, self.model_id = way, MODELS.get(way, GENERIC)
        surface = "responses" if way == "responses" else "chat"
        settings = local_settings(
            oci,
            home,
            models={"prices_micro_usd": PRICES, "max_attempts": 2, "fallbacks": {self.model_id: fallbacks}},
            oci={"rerank_model": "cohere.rerank-v4.0-fast", "openai": {"surface": surface}},
            limits={"preset": "none"},
        )
        session = local_session(oci)
        self.ledger = Ledger(settings)
        governor = Governor(settings, self.ledger, classify)
        self.native = OCIModels(settings, session, governor, CATALOG)
        self.compatible = CompatibleModels(settings, session, "sk-local" if way == "keyed" else "")
        self.gateway = Gateway(
            settings,
            ledger=self.ledger,
            embeddings=None,
            oci=self.native,
            compatible=self.compatible,
            governor=governor,
            catalog=CATALOG,
        )

    async def __call__(self) -> Any:
        scope = CallScope("local", "run", "thread", "task", 1, Role.WRITER, self.model_id, max_output_tokens=100)
        if self.way == "embedText":
            return await self.native.embeddings().aembed_documents(["a", "b"])
        if self.way == "rerankText":
            return await self.native.reranker().acompress_documents([Document(page_content="a")], "a")
        if self.way == "applyGuardrails":
            return await self.native.guardrails()("a text")
        model = self.gateway.chat_model(scope)
        asked = [HumanMessage(PROMPT)]
        return await (watched(model, asked) if self.way == "stream" else model.ainvoke(asked))

    async def spent_and_reserved(self) -> tuple[int, int]:
        usage = await self.gateway.usage("local", "run")
        return usage.cost_micro_usd, sum(line.reserved for line in await self.gateway.budget("local"))

    async def aclose(self) -> None:
        await self.compatible.aclose()
        await self.native.aclose()
        await self.gateway.aclose()


@pytest.fixture
async def asked(oci: LocalOCI, tmp_path: Any, waits: Any) -> AsyncIterator[Any]:
    """Return a function that makes one call, which the test closes."""
    made: list[Asked] = []

    def make(row: Row, fallbacks: tuple[str, ...] = ()) -> Asked:
        made.append(Asked(oci, tmp_path / "home", row.way, fallbacks))
        oci.faults.add(Fault(**vars(row.fault)))
        return made[-1]

    yield make
    await asyncio.gather(*(each.aclose() for each in made))


EXITS = {
    ContentRefused: Exit.REFUSED,
    CredentialsRefused: Exit.UNAVAILABLE,
    ModelUnavailable: Exit.UNAVAILABLE,
    ModelOutputInvalid: Exit.UNAVAILABLE,
    PromptTooLong: Exit.BAD_INPUT,
}


@pytest.mark.parametrize("name", ROWS)
async def test_the_user_reads_what_happened_with_the_request_id(oci: LocalOCI, asked: Any, name: str) -> None:
    row = ROWS[name]
    call = asked(row, () if row.goes_on else (FALLBACK,))
    with pytest.raises(row.kind) as caught:
        await call()
    error = caught.value
    assert type(error) is row.kind
    assert exit_status(error) is EXITS[row.kind]
    assert row.says in error.message
    assert row.hint in error.hint
    assert len(oci.calls) == row.attempts
    assert f"request id {oci.calls[-1].request_id})" in error.message
    assert "; " not in error.message  # what parts message and hint in an event
    for hidden in (PAGE, *row.hidden):
        assert hidden not in error.message
    spent, reserved = await call.spent_and_reserved() if row.way in ("native", *MODELS, "stream") else (0, 0)
    assert (spent > 0, reserved) == (row.billed, 0)


@pytest.mark.parametrize("name", [name for name, row in ROWS.items() if row.goes_on])
async def test_a_fallback_answers_an_outage_and_a_prompt_that_is_too_long(oci: LocalOCI, asked: Any, name: str) -> None:
    row = ROWS[name]
    with collected_notices() as noticed:
        answer = await asked(row, (FALLBACK,))()
        assert (answer.content if row.way == "stream" else answer.text) == "Hello there."
    (told,) = (each.detail for each in noticed if each.kind == "model_fallback")
    assert row.says in told
    assert f"→ {FALLBACK}" in told
    assert [each.model for each in oci.calls[row.attempts :]] == [FALLBACK]


@pytest.mark.parametrize(
    ("first", "second", "kind"),
    [
        ("a prompt beyond the context", "an unknown compartment", ModelUnavailable),
        ("an unknown compartment", "a prompt beyond the context", ModelUnavailable),
        ("a prompt beyond the context", "a request that is too large", PromptTooLong),
        ("an unknown compartment", "a guardrail of the endpoint", ContentRefused),
        ("a prompt beyond the context", "a wrong key", CredentialsRefused),
    ],
)
async def test_of_several_failures_an_outage_or_a_refusal_outranks_a_prompt_that_is_too_long(
    oci: LocalOCI, asked: Any, first: str, second: str, kind: type[SixplaneError]
) -> None:
    call = asked(ROWS[first], (FALLBACK,))
    oci.faults.add(Fault(**vars(ROWS[second].fault)))
    with pytest.raises(kind) as caught:
        await call()
    assert type(caught.value) is kind
    assert len(oci.calls) == 2
    assert await call.spent_and_reserved() == (0, 0)
