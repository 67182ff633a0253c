"""Evidence bundles of threads: who gets them, what stands in them, and what the audit trail says."""

from __future__ import annotations

import io
import json
import shutil
import sys
import threading
import zipfile
from contextlib import aclosing

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from langchain_core.documents import Document

import experience
from experience.bundle import WholeTexts, verify_bundle
from experience.bundle.signing import signer_of
from experience.service.desk import Desk
from experience.service.exporting import Reader
from experience.service.runs import Runs
from observability.audit import check_trail, operator, read_lines
from policy.identity import Permission, Principal
from state.errors import (
    AuditUnavailable,
    DependencyUnavailable,
    Forbidden,
    ReviewPending,
    SettingsInvalid,
    ThreadBusy,
    ThreadMissing,
)
from tests.experience.service.helpers import OUTSIDE, PRICE, ask, held_plan, service_of, until_started

ROLES = (Permission.ASK, Permission.INGEST, Permission.DELETE)
ANN = Principal(id="ann", tenant="local", roles=ROLES, audiences=("finance",), method="api_key")
LATER = ANN.model_copy(update={"audiences": ()})
BOB = Principal(id="bob", tenant="local", roles=ROLES, method="api_key")
GUEST = Principal(id="ann", tenant="local", roles=(), method="api_key")
ROOT = Principal(id="root", tenant="local", roles=(Permission.ADMIN,), method="api_key")
EVE = Principal(id="ann", tenant="other", roles=(Permission.ADMIN,), method="api_key")
BONUS = "What is the bonus of the Falcon team?"
MORE = "The committee meets on Mondays. " * 60
LAST = "In August it does not meet."
OPEN = WholeTexts.OPEN


def restricted():
    text = f"# Bonus\n\nThe bonus of the Falcon team is 4,711 euros.\n\n# Meetings\n\n{MORE}{LAST}"
    return Document(text, metadata={"source": "bonus.md", "title": "Bonus", "audience": ["finance"]})


def lines(home, kind=None):
    assert check_trail(home / "audit.jsonl").fault is None
    return [each for each in read_lines(home / "audit.jsonl") if kind in (None, each["kind"])]


def read(bundle, name):
    with zipfile.ZipFile(io.BytesIO(bundle.data)) as archive:
        text = archive.read(name).decode()
    return [json.loads(line) for line in text.splitlines()] if name == "audit.jsonl" else json.loads(text)


async def asked(desk, principal, question=PRICE, thread="t"):
    await (await desk.start(principal, ask(question, thread))).ended()


async def test_a_bundle_of_a_run_is_verified_and_two_exports_are_the_same_file(home):
    async with service_of(home) as service:
        desk = Desk(Runs(service))
        await asked(desk, ANN)
        first = await desk.export(ANN, "t", OPEN)
        assert await desk.export(ANN, "t", OPEN) == first
    result = verify_bundle(first.data)
    assert (result.outcome, result.html, result.thread_id) == ("verified", "same", "t")
    assert result.report.claims > 0
    begun, done, *again = lines(home, "export")
    assert (begun["outcome"], done["outcome"], begun["id"]) == ("begun", "done", done["id"])
    assert (done["principal"], done["object"], done["ids"]) == ("ann", "thread:t", [f"sha256:{first.digest}"])
    assert done["counts"] == {"whole": 1, "events": first.events, "bytes": len(first.data)}
    assert [each["outcome"] for each in again] == ["begun", "done"]


async def test_who_may_not_read_the_thread_gets_no_bundle_and_is_recorded(home):
    async with service_of(home) as service:
        desk = Desk(Runs(service))
        await asked(desk, ANN)
        for principal, thread, error in (
            (BOB, "t", ThreadMissing),
            (EVE, "t", ThreadMissing),
            (GUEST, "t", Forbidden),
            (ANN, "none", ThreadMissing),
        ):
            with pytest.raises(error):
                await desk.export(principal, thread, OPEN)
        assert verify_bundle((await desk.export(ROOT, "t", OPEN)).data).outcome == "verified"
    told = [(each["operation"], each["tenant"], each["object"], each["reason"]) for each in lines(home, "refusal")]
    assert told == [
        ("export", "local", "thread:t", "thread_missing"),
        ("export", "other", "thread:t", "thread_missing"),
        ("export", "local", "thread:t", "forbidden"),
        ("export", "local", "thread:none", "thread_missing"),
    ]


async def test_the_lines_of_others_and_of_an_earlier_thread_of_the_same_name_are_left_out(home):
    async with service_of(home) as service:
        desk = Desk(Runs(service))
        await desk.ingest(ANN, "small", [restricted()])
        await asked(desk, ANN, BONUS)
        await desk.delete(ANN, "t")
        await asked(desk, BOB)
        assert read(await desk.export(BOB, "t", OPEN), "audit.jsonl") == []
        with pytest.raises(ThreadMissing):
            await desk.thread(ANN, "t")
        own, every = await desk.export(BOB, "t", OPEN), await desk.export(ROOT, "t", OPEN)
    assert read(own, "audit.jsonl") == []
    assert [(each["kind"], each["principal"]) for each in read(every, "audit.jsonl")] == [("refusal", "ann")]
    assert read(own, "provenance.json")["audit"] == {"lines": "principal", "tenant": "local"}
    assert read(every, "provenance.json")["audit"] == {"lines": "tenant", "tenant": "local"}
    assert (verify_bundle(own.data).outcome, verify_bundle(every.data).outcome) == ("verified", "verified")


async def test_restricted_documents_pruned_ones_and_lost_corpora_are_told_apart_only_as_far_as_one_may_know(home):
    async with service_of(home) as service:
        desk = Desk(Runs(service))
        await desk.ingest(ANN, "small", [restricted()])
        await asked(desk, ANN, BONUS)
        whole = await desk.export(ANN, "t", WholeTexts.READABLE)
        excerpt = await desk.export(ANN, "t", OPEN)
        unreadable = await desk.export(LATER, "t", WholeTexts.READABLE)
        # Of what she may no longer read, she gets what the report quotes, as of what is not there any more.
        shutil.rmtree(home / "corpora" / "local" / "small")
    async with service_of(home) as service:
        lost = await Desk(Runs(service)).export(LATER, "t", WholeTexts.READABLE)
    assert [read(each, "sources.json")["documents"][0]["shown"] for each in (whole, excerpt)] == ["whole", "excerpts"]
    assert read(unreadable, "sources.json") == read(lost, "sources.json")
    assert read(unreadable, "sources.json")["documents"][0]["reason"] == "unavailable"
    outcomes = [verify_bundle(each.data).outcome for each in (whole, excerpt, unreadable, lost)]
    assert outcomes == ["verified", "verified", "pruned", "pruned"]
    assert [LAST.encode() in each.data for each in (whole, excerpt, unreadable)] == [True, False, False]
    reads = [each for each in lines(home, "read") if each["operation"] == "export"]
    assert {tuple(each["ids"]) for each in reads} == {("bonus.md",)}


async def test_a_run_without_a_report_says_what_to_do(home):
    async with service_of(home, held_plan()) as service:
        desk = Desk(Runs(service))
        await (await desk.start(ANN, ask(PRICE, "review", human_review=True))).ended()
        with pytest.raises(ReviewPending) as review:
            await desk.export(ANN, "review", OPEN)
        async with aclosing(service.stream(ask(PRICE, "slow", model="scripted:slow", principal="ann"))) as events:
            await until_started(events, "researcher")
            with pytest.raises(ThreadBusy) as running:
                await desk.export(ANN, "slow", OPEN)
    assert "--approve" in review.value.hint
    assert "sixplane resume slow" in running.value.hint
    ended = [(each["outcome"], each["reason"]) for each in lines(home, "export") if each["outcome"] != "begun"]
    assert ended == [("failed", "review_pending"), ("failed", "thread_busy")]


async def test_what_makes_a_bundle_is_loaded_outside_of_the_event_loop(home, monkeypatch):
    threads = []

    class Noting:
        def find_spec(self, name, *_):
            if name == "experience.bundle":
                threads.append(threading.current_thread())

    monkeypatch.setattr(experience, "bundle", experience.bundle)  # set back at the end
    async with service_of(home) as service:
        desk = Desk(Runs(service))
        await asked(desk, ANN)
        monkeypatch.delitem(sys.modules, "experience.bundle")
        monkeypatch.setattr(sys, "meta_path", [Noting(), *sys.meta_path])
        await desk.export(ANN, "t", OPEN)
    assert len(threads) == 1
    assert threads[0] is not threading.main_thread()


async def test_abstained_and_refused_runs_can_be_exported(home):
    async with service_of(home, policy={"deny": ("falcon",)}) as service:
        for thread, question in (("none", OUTSIDE), ("refused", "What is the price of the falcon?")):
            await service.run(ask(question, thread))
            async with service.exported(operator("local"), thread, Reader(), OPEN) as bundle:
                result = verify_bundle(bundle.data)
            assert (result.outcome, result.documents) == ("verified", {})
            assert b"falcon" not in bundle.data.lower()
    assert [each["kind"] for each in read(bundle, "audit.jsonl")] == ["refusal"]


async def test_nothing_is_exported_that_cannot_be_recorded_and_no_damaged_line(home):
    async with service_of(home) as service:
        desk = Desk(Runs(service))
        await desk.ingest(ANN, "small", [restricted()])
        await asked(desk, ANN, BONUS)
        await desk.thread(ANN, "t")
        trail = home / "audit.jsonl"
        text = trail.read_text()
        trail.write_text(text.replace('"operation":"research"', '"operation":"nothings"'))
        with pytest.raises(DependencyUnavailable, match="is damaged") as damaged:
            await desk.export(ANN, "t", OPEN)
        assert "audit verify" in damaged.value.hint
        trail.unlink()
        trail.mkdir()
        with pytest.raises(AuditUnavailable):
            await desk.export(ANN, "t", OPEN)


async def test_a_server_signs_with_its_key_and_says_if_it_cannot(home, tmp_path):
    key, path = Ed25519PrivateKey.generate(), tmp_path / "key.pem"
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    async with service_of(home, audit={"bundle_key": path}) as service:
        desk = Desk(Runs(service))
        await asked(desk, ANN)
        bundle = await desk.export(ANN, "t", OPEN)
        path.unlink()
        with pytest.raises(SettingsInvalid, match=r"audit\.bundle_key") as caught:
            await desk.export(ANN, "t", OPEN)
    assert verify_bundle(bundle.data, signer=signer_of(key)).outcome == "verified"
    assert str(tmp_path) not in f"{caught.value.message} {caught.value.hint}"


async def test_without_a_trail_the_bundle_says_so(home):
    async with service_of(home, audit={"enabled": False}) as service:
        await service.run(ask(PRICE, "t"))
        async with service.exported(operator("local"), "t", Reader(), OPEN) as bundle:
            assert read(bundle, "provenance.json")["audit"]["lines"] == "off"
    assert verify_bundle(bundle.data).outcome == "verified"
