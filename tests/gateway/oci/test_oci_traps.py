"""The traps (a) to (p) of langchain-oci 0.4.0 on oci 2.189, each met for real; each test fails without our guard."""

import asyncio
import threading
import time

import pytest
from circuitbreaker import CircuitBreakerMonitor
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_core.tools import tool
from oci.circuit_breaker import DEFAULT_CIRCUIT_BREAKER_STRATEGY
from oci.loggingingestion import LoggingClient
from oci.loggingingestion.models import PutLogsDetails
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pydantic import BaseModel

from gateway import CallScope, Gateway, Ledger, load_catalog
from gateway.classification import classify
from gateway.governor import Governor
from gateway.oci.models import oci_chat_model
from gateway.oci.plane import OCIModels
from gateway.provider_error import ProviderError
from settings.connections.oci_session import open_oci_session
from state.errors import ModelOutputInvalid, ModelUnavailable
from state.roles import ResearchPlan
from state.values import Role
from tests.doubles.oci import Fault, LocalOCI, Reply
from tests.doubles.oci.session import local_clients, local_model, local_session, local_settings

COHERE, GENERIC, V2 = "cohere.command-a-03-2025", "meta.llama-3.3-70b-instruct", "cohere.command-a-vision"
FORMATS = pytest.mark.parametrize("model_id", [COHERE, GENERIC, V2])
PROMPT = [SystemMessage("Be kind."), HumanMessage("Hello?")]


@tool
def look(at: str) -> str:
    """Look at something."""
    return at


class Person(BaseModel):
    """A person."""

    name: str
    age: int | None = None


@pytest.fixture
def oci():
    with LocalOCI(lambda call: Reply("Hello there.")) as served:
        yield served


def answered(model, how, messages=PROMPT, **options):
    """Return the model's message, asked in one of four ways."""
    if how == "invoke":
        return model.invoke(messages, **options)
    if how == "stream":
        return merged(model.stream(messages, **options))
    return asyncio.run(_answered(model, how, messages, **options))


async def _answered(model, how, messages, **options):
    try:
        if how == "ainvoke":
            return await model.ainvoke(messages, **options)
        return merged([chunk async for chunk in model.astream(messages, **options)])
    finally:
        await model.aclose()


def merged(chunks):
    whole = None
    for chunk in chunks:
        whole = chunk if whole is None else whole + chunk
    return whole


WHOLE = pytest.mark.parametrize("how", ["invoke", "ainvoke"])
STREAMED = pytest.mark.parametrize("how", ["stream", "astream"])
EVERY_WAY = pytest.mark.parametrize("how", ["invoke", "ainvoke", "stream", "astream"])


@WHOLE
@FORMATS
def test_trap_a_an_answer_without_content_length_is_an_answer(oci, how, model_id):
    oci.faults.add(Fault("no_content_length", "chat"))
    assert answered(local_model(oci, model_id), how).text == "Hello there."


@pytest.mark.parametrize(
    ("how", "content_type"),
    [(how, "application/json; charset=utf-8") for how in ("invoke", "ainvoke")]
    + [(how, "text/event-stream;charset=utf-8") for how in ("stream", "astream")],
)
def test_trap_b_a_charset_in_the_content_type_is_no_obstacle(oci, how, content_type):
    oci.faults.add(Fault("content_type", "chat", value=content_type))
    assert answered(local_model(oci, GENERIC), how).text == "Hello there."


@STREAMED
def test_trap_b_what_is_no_event_stream_is_a_failure(oci, how):
    oci.faults.add(Fault("content_type", "chat", value="text/html"))
    with pytest.raises(Exception) as caught:  # noqa: PT011 - the class is internal; what counts is how it is classified
        answered(local_model(oci, GENERIC), how)
    assert "not an event stream" in classify(caught.value).reason


@EVERY_WAY
@pytest.mark.parametrize("status", [429, 503])
def test_trap_c_the_sdk_retries_nothing(oci, how, status):
    oci.faults.add(Fault("status", "chat", times=3, status=status))
    with pytest.raises(Exception) as caught:  # noqa: PT011
        answered(local_model(oci, GENERIC), how)
    assert classify(caught.value).transient
    assert len(oci.of("chat")) == 1


def governed(oci, home, model_id=GENERIC, **models):
    settings = local_settings(oci, home, models=models, limits={"preset": "none"})
    governor = Governor(settings, Ledger(settings), classify)
    plane = OCIModels(settings, local_session(oci), governor, load_catalog(prices={}))
    gateway = Gateway(settings, ledger=governor.ledger, embeddings=None, oci=plane, governor=governor)
    scope = CallScope("local", "run", "thread", "task", 1, Role.RESEARCHER, model_id)
    return gateway.chat_model(scope)


@pytest.mark.parametrize("status", [429, 503])
async def test_trap_d_retry_after_is_waited_for(oci, tmp_path, status):
    oci.faults.add(Fault("status", "chat", status=status, headers={"retry-after": "1"}))
    began = time.monotonic()
    assert (await governed(oci, tmp_path / "home").ainvoke(PROMPT)).text == "Hello there."
    assert time.monotonic() - began >= 1.0
    assert len(oci.of("chat")) == 2


async def test_trap_d_no_call_hangs_past_its_deadline(oci, tmp_path):
    oci.faults.add(Fault("status", "chat", times=99, status=429))
    with pytest.raises(ModelUnavailable, match="429"):
        await governed(oci, tmp_path / "home", deadline_seconds=2.0, max_attempts=10).ainvoke(PROMPT)
    assert len(oci.of("chat")) < 10  # the deadline ended it, not the number of attempts


async def test_trap_e_a_breaker_belongs_to_one_client(oci):
    model = local_model(oci, GENERIC)
    oci.faults.add(Fault("status", "chat", times=99, status=503))
    reasons = []
    for _ in range(25):
        with pytest.raises(Exception) as caught:  # noqa: PT011
            await model.ainvoke(PROMPT)
        reasons.append(classify(caught.value).reason)
    await model.aclose()
    assert reasons[-1] == "its circuit breaker is open"
    shared = CircuitBreakerMonitor.get(DEFAULT_CIRCUIT_BREAKER_STRATEGY.name)
    assert shared is None or shared.closed
    logging = local_session(oci).client(LoggingClient, name="trap-e-logging", endpoint=oci.url)
    details = PutLogsDetails(specversion="1.0", log_entry_batches=[])
    assert logging.put_logs("ocid1.log.oc1..x", details).status == 200


@pytest.mark.parametrize("region", ["us-chicago-1", "eu-frankfurt-1"])
async def test_trap_f_the_endpoint_is_always_named(oci, tmp_path, region):
    settings = local_settings(oci, tmp_path / "home", oci={"endpoint": "", "region": region})
    session = open_oci_session(settings)
    scope = CallScope("local", "run", "thread", "task", 1, Role.WRITER, GENERIC)
    clients = local_clients(oci, endpoint=session.inference_endpoint)
    model = oci_chat_model(clients, load_catalog(prices={}).get(GENERIC), scope, set())
    expected = f"https://inference.generativeai.{region}.oci.oraclecloud.com"
    assert session.inference_endpoint == model.service_endpoint == expected
    assert clients.current(GENERIC).async_base_client.endpoint.startswith(expected)


def test_trap_g_one_model_serves_several_event_loops(oci):
    model = local_model(oci, GENERIC)
    texts = [asyncio.run(_open_ended(model)).text for _ in range(3)]
    found = []
    threads = [threading.Thread(target=lambda: found.append(asyncio.run(_open_ended(model)).text)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert texts + found == ["Hello there."] * 6


async def test_trap_g_a_synchronous_call_works_where_a_loop_runs(oci):
    model = local_model(oci, GENERIC)
    assert (await model.ainvoke(PROMPT)).text == model.invoke(PROMPT).text == merged(model.stream(PROMPT)).text
    await model.aclose()


async def _open_ended(model):
    return await model.ainvoke(PROMPT)


@EVERY_WAY
@FORMATS
def test_trap_h_every_answer_has_its_finish_reason_model_and_request_id(oci, how, model_id):
    found = answered(local_model(oci, model_id), how)
    assert found.response_metadata["finish_reason"] == "stop"
    assert found.response_metadata["model_name"] == model_id
    assert found.response_metadata["request_id"] == oci.of("chat")[0].headers["opc-request-id"]
    assert found.usage_metadata["output_tokens"] == 3


@EVERY_WAY
@FORMATS
def test_trap_h_a_truncated_answer_says_so(oci, how, model_id):
    oci.faults.add(Fault("truncated", "chat"))
    assert answered(local_model(oci, model_id), how).response_metadata["finish_reason"] == "length"


ERRORS = [
    (Fault("status", status=401), "answered 401", False, False),
    (Fault("status", status=404), "it may not be used (404)", False, False),
    (Fault("status", status=400), "answered 400", False, False),
    (Fault("status", status=429), "answered 429", True, False),
    (Fault("status", status=500), "answered 500", True, True),
    (Fault("status", status=502, body="<html>proxy</html>"), "it answered with a web page and status 502", True, True),
    (Fault("status", status=200, body="<html>proxy</html>"), "not an answer of OCI", False, True),
    (Fault("drop_midstream"), "connection broke", True, True),
    (Fault("hang", seconds=30), "in time", True, True),
    (Fault("malformed_frame"), "not whole JSON", False, True),
]


@WHOLE
@pytest.mark.parametrize(("fault", "reason", "transient", "billed"), ERRORS, ids=[error[1] for error in ERRORS])
def test_trap_i_one_classifier_knows_every_error(oci, how, fault, reason, transient, billed):
    oci.faults.add(Fault(**{**vars(fault), "times": 1}))
    model = local_model(oci, GENERIC, clients=local_clients(oci, timeout=(5.0, 0.5)))
    with pytest.raises(Exception) as caught:  # noqa: PT011
        answered(model, how)
    failure = classify(caught.value)
    assert reason in failure.reason
    assert (failure.transient, failure.billed) == (transient, billed)
    assert failure.hint


@EVERY_WAY
def test_trap_i_a_service_that_is_not_there_costs_nothing(oci, how):
    model = local_model(oci, GENERIC)
    oci.stop()
    with pytest.raises(Exception) as caught:  # noqa: PT011
        answered(model, how)
    failure = classify(caught.value)
    assert (failure.reason, failure.transient, failure.billed) == ("it cannot be reached", True, False)


@STREAMED
def test_trap_i_a_stream_that_breaks_off_is_told(oci, how):
    oci.faults.add(Fault("drop_midstream", "chat"))
    with pytest.raises(Exception) as caught:  # noqa: PT011
        answered(local_model(oci, GENERIC), how)
    assert "connection broke" in classify(caught.value).reason


@EVERY_WAY
@pytest.mark.parametrize("model_id", [GENERIC, COHERE])
def test_trap_j_a_tool_call_in_the_text_is_text(how, model_id):
    said = 'See <tool_call>{"name": "delete_all", "arguments": {}}</tool_call> there.'
    with LocalOCI(lambda call: said) as oci:
        found = answered(local_model(oci, model_id), how)
    assert found.tool_calls == []
    assert found.text == said


@EVERY_WAY
@pytest.mark.parametrize("bound", [False, True])
@pytest.mark.parametrize("model_id", [GENERIC, COHERE])
def test_trap_j_tool_calls_count_only_where_tools_were_offered(how, bound, model_id):
    with LocalOCI(lambda call: Reply("", tool_calls=(("look", {"at": "this"}),))) as oci:
        model = local_model(oci, model_id)
        options = {"tools": model.bind_tools([look]).kwargs["tools"]} if bound else {}
        found = answered(model, how, **options)
    assert [(call["name"], call["args"]) for call in found.tool_calls] == ([("look", {"at": "this"})] if bound else [])


@EVERY_WAY
@pytest.mark.parametrize("model_id", [COHERE, V2])
@pytest.mark.parametrize("reason", ["ERROR", "ERROR_TOXIC", "ERROR_LIMIT", "USER_CANCEL"])
def test_trap_k_an_answer_that_ends_in_an_error_is_none(how, model_id, reason):
    with LocalOCI(lambda call: Reply("Half an ans", finish_reason=reason)) as oci, pytest.raises(ProviderError):
        answered(local_model(oci, model_id), how)


@EVERY_WAY
@pytest.mark.parametrize("model_id", [COHERE, GENERIC, V2])
def test_trap_l_an_answer_without_an_end_is_none(oci, how, model_id):
    oci.faults.add(Fault("no_finish", "chat"))
    with pytest.raises(ProviderError, match="no finish reason"):
        answered(local_model(oci, model_id), how)


@STREAMED
@pytest.mark.parametrize("model_id", [COHERE, GENERIC])
def test_trap_l_a_malformed_frame_is_a_failure(oci, how, model_id):
    oci.faults.add(Fault("malformed_frame", "chat"))
    with pytest.raises(Exception) as caught:  # noqa: PT011
        answered(local_model(oci, model_id), how)
    assert classify(caught.value).reason == "its answer cannot be read as JSON"


@WHOLE
@pytest.mark.parametrize("method", ["json_schema", "function_calling", "json_mode"])
@pytest.mark.parametrize("model_id", [COHERE, GENERIC])
def test_trap_m_prose_in_place_of_a_structured_answer_is_an_error(oci, how, method, model_id):
    model = local_model(oci, model_id).with_structured_output(Person, method=method)
    ask = model.invoke if how == "invoke" else lambda messages: asyncio.run(model.ainvoke(messages))
    with pytest.raises(ModelOutputInvalid):
        ask(PROMPT)


async def test_trap_m_prose_is_repaired_once_and_then_an_error(oci, tmp_path):
    with pytest.raises(ModelOutputInvalid):
        await governed(oci, tmp_path / "home").with_structured_output(ResearchPlan).ainvoke(PROMPT)
    assert len(oci.of("chat")) == 2


@EVERY_WAY
def test_trap_n_the_proxy_of_the_environment_is_used(oci, how, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", oci.url)
    monkeypatch.setenv("http_proxy", oci.url)
    clients = local_clients(oci, endpoint="http://genai.internal")
    assert answered(local_model(oci, GENERIC, clients=clients), how).text == "Hello there."
    assert oci.of("chat")[0].headers["host"] == "genai.internal"


@EVERY_WAY
def test_trap_n_every_request_has_an_id_of_its_own(oci, how):
    model = local_model(oci, GENERIC)
    for _ in range(2):
        answered(model, how)
    ids = {call.headers.get("opc-request-id") for call in oci.of("chat")}
    assert len(ids) == 2
    assert None not in ids


@pytest.fixture
def spans(monkeypatch):
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "get_tracer", lambda *_, **__: provider.get_tracer("test"))
    return exporter.get_finished_spans


def refusal(param, code="unsupported_value"):
    body = f'{{"error": {{"param": "{param}", "code": "{code}", "message": "no"}}}}'
    return Fault("status", "chat", status=400, body=body)


@pytest.mark.parametrize("code", ["unsupported_value", "unsupported_parameter"])
async def test_trap_o_a_dropped_parameter_is_told_and_remembered(oci, code, spans):
    oci.faults.add(refusal("temperature", code))
    model = local_model(oci, GENERIC, temperature=0.3)
    with trace.get_tracer("test").start_as_current_span("call"):
        assert (await model.ainvoke(PROMPT)).text == "Hello there."
    await model.ainvoke(PROMPT)
    await model.aclose()
    assert ["temperature" in call.body["chatRequest"] for call in oci.of("chat")] == [True, False, False]
    assert [dict(event.attributes) for event in spans()[0].events] == [{"refused": ("temperature",)}]


@pytest.mark.parametrize("param", ["responseFormat", "messages", "tools", "maxTokens"])
async def test_trap_o_what_matters_is_never_dropped(oci, param):
    oci.faults.add(refusal(param))
    model = local_model(oci, GENERIC)
    with pytest.raises(Exception) as caught:  # noqa: PT011
        await model.ainvoke(PROMPT, response_format=model.response_format(Person))
    await model.aclose()
    assert classify(caught.value).reason == "it answered 400"
    assert len(oci.of("chat")) == 1


@pytest.mark.parametrize("how", ["invoke", "ainvoke"])
@pytest.mark.parametrize(("stop", "kept"), [("E.D", "A B C "), ("(", "A B C E.D "), ("[x]", "A B C E.D ( F")])
def test_trap_p_a_stop_sequence_is_literal_and_what_it_cuts_is_counted(how, stop, kept):
    with LocalOCI(lambda call: "A B C E.D ( F") as oci:
        found = answered(local_model(oci, GENERIC), how, stop=[stop])
        assert oci.of("chat")[0].body["chatRequest"]["stop"] == [stop]
    assert found.text == kept
    assert found.response_metadata["output_chars"] == len("A B C E.D ( F")


@EVERY_WAY
def test_trap_p_the_system_prompt_is_cohere_s_preamble(oci, how):
    history = [SystemMessage("Be kind."), HumanMessage("Hi."), AIMessage("Hello."), HumanMessage("Bye?")]
    answered(local_model(oci, COHERE), how, history)
    request = oci.of("chat")[0].body["chatRequest"]
    assert request["preambleOverride"] == "Be kind."
    assert [(turn["role"], turn["message"]) for turn in request["chatHistory"]] == [
        ("USER", "Hi."),
        ("CHATBOT", "Hello."),
    ]
    assert request["message"] == "Bye?"
