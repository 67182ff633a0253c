"""What managed sources return is evidence like any other: kept, screened, quoted, verified, limited and deleted."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import aclosing

import pytest

from experience.bundle import WholeTexts, verify_bundle
from experience.service.exporting import Reader
from experience.verification import verify_report
from observability.audit import operator
from retrieval import Corpora
from state.errors import CorpusEmpty
from state.values import Status
from tests.doubles.oci import Fault, LocalOCI
from tests.doubles.oci.managed import SAID
from tests.experience.sources.setting import FACT, HELD, ORDER, QUESTION, SOURCES, URL, opened, request, settings_of

HERON = "When did the Heron project end?"


@pytest.fixture(scope="module")
def served():
    with LocalOCI(managed=HELD, embed="hash") as oci:
        yield oci


@pytest.fixture
def oci(served):
    served.forget()
    return served


async def verified(settings, report):
    """Return the result of the check without any source, from what is stored alone."""
    async with Corpora(settings.model_copy(update={"sources": {}})) as corpora:
        return await verify_report(report, await corpora.get("local", "both"))


def kept(settings):
    """Return the texts in the database of kept passages."""
    with sqlite3.connect(settings.home / "sources.db") as database:
        return [text for (text,) in database.execute("SELECT body FROM source_passages ORDER BY body")]


async def test_an_answer_cites_both_kinds_of_sources_and_verifies_offline(oci, tmp_path):
    settings = settings_of(oci, tmp_path / "home")
    async with opened(settings) as service:
        report = await service.run(request(f"{QUESTION};{HERON}", "t"))
        async with service.exported(operator("local"), "t", Reader(), WholeTexts.OPEN) as bundle:
            assert verify_bundle(bundle.data).outcome == "verified"
    assert (report.status, report.stop_reason) == (Status.ANSWERED, "approved")
    assert not oci.rejected
    assert {call.path for call in oci.calls} == {"agent_chat", "search"}
    agent, store = sorted(report.evidence, key=lambda each: each.document_id)
    assert (agent.title, agent.source, agent.page, agent.page_end) == ("falcon.pdf", URL, 3, 4)
    assert (agent.document_id, store.document_id) == ("source:archive/doc-1", "source:hulls/file-7")
    assert agent.id.startswith("S")
    assert SAID not in report.model_dump_json()
    assert (await verified(settings, report)).outcome == "verified"
    assert report.usage_by_role["search"].calls == len(oci.calls) == 4
    forged = json.loads(report.model_dump_json().replace("started in 2019", "started in 2018"))
    found = await verified(settings, type(report).model_validate(forged))
    assert {fault.kind for fault in found.faults} >= {"quote_differs"}


async def test_a_passage_that_was_changed_in_the_store_fails_the_check(oci, tmp_path):
    settings = settings_of(oci, tmp_path / "home")
    async with opened(settings) as service:
        report = await service.run(request())
    with sqlite3.connect(settings.home / "sources.db") as database:
        database.execute("UPDATE source_passages SET body = replace(body, '2019', '2018')")
    assert (await verified(settings, report)).outcome == "failed"


async def test_orders_in_a_returned_passage_are_screened(oci, tmp_path):
    settings = settings_of(oci, tmp_path / "home")
    async with opened(settings) as service:
        report = await service.run(request())
    assert ORDER in kept(settings)  # it was returned, and kept to be told of
    assert [event.detail.split(": ")[1] for event in report.events if event.kind == "passage_dropped"] == [
        "prompt_injection"
    ]
    assert "zorglub" not in report.model_dump_json()


async def test_a_source_beside_documents_and_one_that_fails_makes_the_answer_partial(oci, tmp_path):
    settings = settings_of(oci, tmp_path / "home")
    (tmp_path / "own.md").write_text("The Falcon project has a budget of 40 million dollars.", encoding="utf-8")
    oci.faults.add(Fault("status", "agent_chat", times=9, status=404))
    async with opened(settings) as service:
        await (await service.corpora.create("local", "both")).ingest([tmp_path / "own.md"])
        report = await service.run(request())
    assert (report.status, report.stop_reason) == (Status.PARTIAL, "source_unavailable")
    assert report.unresolved == ("The source archive did not answer for 1 part of the question.",)
    (event,) = [event for event in report.events if event.kind == "source_failed"]
    assert event.detail.startswith("q1: archive: the source 'archive' failed: ")
    assert "check `sources.archive.agent`" in event.detail
    assert "genai-agent-family" in event.detail


async def test_an_outage_without_other_evidence_is_no_verdict_on_the_question(oci, tmp_path):
    settings = settings_of(oci, tmp_path / "home", {"archive": SOURCES["archive"]}, models={"max_attempts": 1})
    oci.faults.add(Fault("status", "agent_chat", times=9, status=503))
    async with opened(settings) as service:
        report = await service.run(request(max_research_rounds=1))
    assert (report.status, report.stop_reason) == (Status.STOPPED, "source_unavailable")


async def test_an_answer_that_breaks_off_is_asked_for_again_under_the_same_token(oci, tmp_path):
    settings = settings_of(oci, tmp_path / "home", {"archive": SOURCES["archive"]})
    oci.faults.add(Fault("drop_midstream", "agent_chat"))
    async with opened(settings) as service:
        report = await service.run(request())
    assert report.status is Status.ANSWERED
    assert len({call.headers["opc-retry-token"] for call in oci.of("agent_chat")}) == 1
    assert len(oci.of("agent_chat")) == 2


async def test_a_resumed_run_asks_no_source_again(oci, tmp_path):
    settings = settings_of(oci, tmp_path / "home", {"archive": SOURCES["archive"]})
    answered = asyncio.Event()

    async def stuck(*_):
        answered.set()
        await asyncio.Event().wait()

    async with opened(settings) as service:
        service.corpora.kept.keep = stuck  # after the answer, before the passages and the checkpoint are stored
        run = asyncio.create_task(service.run(request(thread="t")))
        await answered.wait()
        run.cancel()
        await asyncio.wait([run])
    async with opened(settings) as service:
        async with aclosing(service.resume("local", "t")) as events:
            [_ async for _ in events]
        report = (await service.show("local", "t")).report
    assert report.status is Status.ANSWERED
    assert len(oci.of("agent_chat")) == 1


async def test_a_source_for_an_audience_is_asked_for_its_members_only(oci, tmp_path):
    limited = {"archive": {**SOURCES["archive"], "audience": ["finance"]}}
    settings = settings_of(oci, tmp_path / "home", limited)
    async with opened(settings) as service:
        report = await service.run(request(audiences=("finance",)))
        corpus = await service.corpora.get("local", "both", ("sales",))
        stranger = await service.run(request(audiences=("sales",)))
        (evidence,) = report.evidence
        assert await corpus.passages([evidence.id]) == {}
        assert (
            await corpus.canonical_text(evidence.document_id, (await passage(service, evidence.id)).text_hash) is None
        )
    assert (stranger.status, stranger.stop_reason) == (Status.STOPPED, CorpusEmpty.code)
    assert "archive" not in stranger.model_dump_json()
    assert len(oci.of("agent_chat")) == 1


async def passage(service, key):
    return (await (await service.corpora.get("local", "both")).passages([key]))[key]


async def test_with_a_filter_no_source_is_asked_and_the_report_says_so(oci, tmp_path):
    settings = settings_of(oci, tmp_path / "home")
    (tmp_path / "own.md").write_text(FACT, encoding="utf-8")
    async with opened(settings) as service:
        await (await service.corpora.create("local", "both")).ingest([tmp_path / "own.md"])
        report = await service.run(request(where={"$kind": "prose"}))
    assert report.status is Status.ANSWERED
    assert [event.detail for event in report.events if event.kind == "source_not_asked"] == [
        "q1: archive, hulls: the filter needs metadata, which their passages do not have"
    ]
    assert not oci.calls


async def test_passages_go_with_the_last_thread_that_was_shown_them(oci, tmp_path):
    settings = settings_of(oci, tmp_path / "home")
    async with opened(settings) as service:
        for thread in ("a", "b"):
            report = await service.run(request(thread=thread))
        whole = kept(settings)
        await service.delete("local", "a")
        assert kept(settings) == whole
        assert (await verified(settings, report)).outcome == "verified"
        await service.delete("local", "b")
        assert kept(settings) == []
        await service.run(request(thread="c"))
        await service.corpora.delete("local", "both")
    assert (len(whole), kept(settings)) == (3, [])
