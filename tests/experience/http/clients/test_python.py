"""The Python client on a real server."""

from __future__ import annotations

import asyncio
import zipfile
from io import BytesIO

import httpx
import pytest
from sixplane_client import (
    ApiError,
    AsyncSixplane,
    ChatRequest,
    NotFinished,
    ResearchContext,
    ResumeRequest,
    ReviewAnswer,
    SearchRequest,
    Sixplane,
    UserTurn,
)

from tests.experience.http.clients import typed_use
from tests.experience.http.conftest import served

QUESTION = "What is the price of Tariff A?"


@pytest.fixture
async def ann(url):
    async with AsyncSixplane(url, "ann") as client:
        yield client


@pytest.fixture
async def plain(url):
    with Sixplane(url, "ann") as client:
        yield client


async def test_chat_and_its_stream_give_typed_values(plain):
    answer = await asyncio.to_thread(typed_use.answered, plain, QUESTION, "small")
    assert "12 dollars" in answer.content
    assert (answer.metadata.status, answer.metadata.corpus) == ("answered", "small")
    assert answer.usage.total_tokens == answer.usage.input_tokens + answer.usage.output_tokens > 0
    assert answer.report.claims[0].citations[0].quote in answer.report.evidence[0].text
    text, nodes = await asyncio.to_thread(typed_use.streamed, plain, QUESTION, "small")
    assert "12 dollars" in text
    assert nodes[0] == "guard_input"
    assert nodes[-1] == "publish"


async def test_a_batch_and_health(ann, url):
    assert await typed_use.statuses(ann, [QUESTION], "small") == ["answered"]
    assert await typed_use.statuses(ann, [QUESTION], "none") == ["failed"]
    assert (await ann.ready()).status == "ready"
    async with AsyncSixplane(url, "root") as root:
        health = await root.health()
    assert health.status == "ready"
    assert {check.name for check in health.checks if check.essential}


async def test_an_error_has_code_hint_and_the_invalid_fields(plain, url):
    code, hint, again = await asyncio.to_thread(typed_use.refusal, plain, QUESTION, "none")
    assert (code, again) == ("corpus_missing", None)
    assert hint
    async with AsyncSixplane(url, "ann") as ann:
        with pytest.raises(ApiError, match="422 bad_input") as caught:
            await ann.chat(typed_use.asked("👍", "small"))
        assert [fault.place for fault in caught.value.faults] == ["body.messages.3.user.content"]
        assert caught.value.request_id
        with pytest.raises(ApiError, match="404 corpus_missing"):
            await anext(ann.stream_chat(typed_use.asked(QUESTION, "none")))
    async with AsyncSixplane(url, "nobody") as nobody:
        with pytest.raises(ApiError, match="401 unauthenticated"):
            await nobody.health()


async def test_a_full_server_says_when_to_ask_again(home):
    async with served(home, server={"principal_requests_per_minute": 1}) as url, AsyncSixplane(url, "ann") as ann:
        await ann.list_corpora()
        with pytest.raises(ApiError, match="429 rate_limited") as caught:
            await ann.list_corpora()
    assert caught.value.retry_after
    assert caught.value.retry_after > 0


async def test_a_run_that_waits_for_a_review_goes_on_with_its_answer(ann):
    context = ResearchContext(corpus="small", human_review=True)
    with pytest.raises(NotFinished, match="review_pending") as caught:
        await ann.chat(ChatRequest(messages=[UserTurn(content=QUESTION)], model="sixplane", context=context))
    thread = caught.value.pending.thread_id
    report = await ann.resume_thread(thread, ResumeRequest(answer=ReviewAnswer(decision="approve")))
    assert report.status == "answered"
    assert [each.thread_id for each in (await ann.list_threads(limit=1)).threads] == [thread]
    assert zipfile.ZipFile(BytesIO(await ann.export_thread(thread, texts="none"))).namelist()
    await ann.delete_thread(thread)
    with pytest.raises(ApiError, match="404 thread_missing"):
        await ann.get_thread(thread)


async def test_files_are_ingested_searched_and_deleted(ann, tmp_path):
    (tmp_path / "heron.md").write_text("# Heron\n\nThe Heron has a hull of titanium.\n")
    files = [tmp_path / "heron.md", ("broken.pdf", b"no pdf")]
    events = [event async for event in ann.stream_ingest("ships", files, audience=["staff"])]
    assert [event.type for event in events if event.type in ("failed", "report")] == ["failed", "report"]
    assert events[-1].report.added == 1
    found = await ann.search("ships", SearchRequest(query="What is the hull of the Heron made of?", k=1))
    assert "titanium" in found.passages[0].text
    named = [entry.document_id for entry in (await ann.get_corpus("ships")).entries]
    assert (await ann.delete_documents("ships", document=named)).documents == 1


EVENTS = [
    '{"type": "run_started", "sequence": 1, "thread_id": "t", "run_id": "r", "trace_id": "x"}',
    '{"type": "of_a_later_version", "sequence": 2}',
    '{"type": "text", "sequence": 3, "text": "Hello"}',
]


class Restarting:
    """A server that loses the connection after each event but the last, and answers with `instead` in between."""

    def __init__(self, *instead):
        self.instead, self.seen, self.pauses = list(instead), [], []

    def __call__(self, request):
        self.seen.append(request.headers.get("last-event-id"))
        if self.seen[-1] and self.instead:
            other = self.instead.pop(0)
            if isinstance(other, Exception):
                raise other
            return other
        after = int(self.seen[-1].rpartition(":")[2]) if self.seen[-1] else 0
        return httpx.Response(200, headers={"content-type": "text/event-stream"}, content=self._cut(after))

    async def _cut(self, after):
        yield f"id: r.e:{after + 1}\ndata: {EVENTS[after]}\n\n".encode()
        if after + 1 < len(EVENTS):
            raise httpx.ReadError("cut")

    async def _sleep(self, seconds):
        self.pauses.append(seconds)

    async def events(self):
        async with AsyncSixplane("http://x", transport=httpx.MockTransport(self), sleep=self._sleep) as client:
            return [event.type async for event in client.stream_run("r")]


async def test_a_lost_stream_is_taken_up_after_its_last_event():
    server = Restarting()
    assert await server.events() == ["run_started", "text"]
    assert server.seen == [None, "r.e:1", "r.e:2"]
    assert all(0.25 <= seconds <= 0.5 for seconds in server.pauses)


async def test_pauses_grow_while_a_server_restarts_and_last_as_long_as_it_asks():
    asked = httpx.Response(409, headers={"retry-after": "7"})  # another run holds the thread
    server = Restarting(httpx.ConnectError("refused"), httpx.Response(502), asked, httpx.Response(503))
    assert await server.events() == ["run_started", "text"]
    assert server.seen == [None, *["r.e:1"] * 5, "r.e:2"]
    assert server.pauses[3] == 7
    for seconds, most in zip(server.pauses, (0.5, 1, 2, 7, 8, 0.5), strict=True):
        assert most / 2 <= seconds <= most


async def test_a_stream_that_waited_long_enough_ends_with_the_last_error():
    server = Restarting(*[httpx.ConnectError("refused")] * 1000)
    with pytest.raises(httpx.ConnectError, match="refused"):
        await server.events()
    assert 100 < sum(server.pauses) <= 120


@pytest.mark.parametrize(("status", "again"), [(404, "1"), (503, "3600"), (503, "Fri, 31 Dec 9999 23:59:59 GMT")])
async def test_what_does_not_change_in_time_ends_the_stream_at_once(status, again):
    server = Restarting(httpx.Response(status, headers={"retry-after": again}))
    with pytest.raises(ApiError, match=str(status)):
        await server.events()
    assert len(server.pauses) == 1  # the one after the cut


def test_a_plain_client_waits_too() -> None:
    def cut():
        yield f"id: r.e:1\ndata: {EVENTS[0]}\n\n".encode()
        raise httpx.ReadError("cut")

    kind = {"content-type": "text/event-stream"}
    answers = [
        httpx.Response(200, headers=kind, content=cut()),
        httpx.Response(503, headers={"retry-after": "3"}),
        httpx.Response(200, headers=kind, content=f"id: r.e:3\ndata: {EVENTS[2]}\n\n".encode()),
    ]
    pauses: list[float] = []
    transport = httpx.MockTransport(lambda _: answers.pop(0))
    with Sixplane("http://x", transport=transport, sleep=pauses.append) as client:
        assert [event.type for event in client.stream_run("r")] == ["run_started", "text"]
    assert pauses[1:] == [3.0]


async def test_what_is_no_answer_of_sixplane_is_an_error_that_says_so():
    page = httpx.MockTransport(lambda _: httpx.Response(502, html="<h1>Bad gateway</h1>"))
    async with AsyncSixplane("http://x", transport=page) as client:
        with pytest.raises(ApiError, match="502 http: Bad Gateway; check the address"):
            await client.live()


def test_further_headers_are_sent_beside_the_key() -> None:
    sent = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request.headers)
        return httpx.Response(200, json={"status": "live"})

    with Sixplane("http://server", "key", headers={"x-team": "a"}, transport=httpx.MockTransport(answer)) as client:
        assert client.live().status == "live"
    assert (sent[0]["authorization"], sent[0]["x-team"]) == ("Bearer key", "a")
