"""Whole runs on the local OCI: what separates a user from production models is configuration alone."""

from __future__ import annotations

import asyncio
import json

import httpx
import pytest
from requests import Request

from experience.service import ResearchRequest, open_service
from state.channels import ResearchContext
from state.errors import GuardUnavailable
from state.prompt_fields import parse_fields
from state.values import MODEL_RETIRING, Status, Usage
from tests.doubles.oci import Call, ChatCall, Fault, LocalOCI, Reply, wanted_schema
from tests.doubles.oci.management import Tenancy, TenancyModel
from tests.doubles.oci.server import COMPARTMENT
from tests.doubles.oci.session import local_session, local_settings
from tests.doubles.roles import PLAYS
from tests.doubles.waiting import SAFETY_SECONDS, until

TEXTS = {
    "falcon.md": "The Falcon project started in 2019. Its budget was 40 million dollars. Its engineer was Ada Moreau.",
    "heron.md": "The Heron project ended in 2021. Heron used a titanium hull. The Heron budget was never published.",
    "tariff.md": "Tariff A costs 12 dollars a month. Tariff B costs 20 dollars a month and includes support.",
}
QUESTION = "When did the Falcon project start?"
OPEN_QUESTION = "What is missing?"
MODEL, FAST = "cohere.command-a-03-2025", "openai.gpt-oss-20b"


def billed(call: Call) -> int:
    """Return the price of a call: by the character, or by the token, of which the local OCI counts one in four."""
    if call.model == MODEL:
        return -(-(call.prompt_chars + call.answer_chars) * 15_600 // 10_000)
    asked, said = -(-call.prompt_chars // 4), -(-call.answer_chars // 4)
    return -(-(asked * 70_000 + said * 300_000) // 1_000_000)


def play(call: ChatCall) -> Reply:
    """Answer a role's prompt as the scripted model does."""
    asked = [text for role, text in call.messages if role == "USER"]
    fields, evidence = parse_fields(asked[0])
    schema = wanted_schema(call)
    if fields.get("question") == OPEN_QUESTION and schema == "Analysis":
        gaps = [{"sub_question": asked["id"], "missing": "everything"} for asked in fields["sub_questions"]]
        return Reply(json.dumps({"findings": [], "gaps": gaps, "decision": "research_more"}))
    played = PLAYS[schema](fields, evidence)
    return Reply(played["markdown"] if schema == "WrittenDraft" else json.dumps(played, ensure_ascii=False))


@pytest.fixture
def oci():
    with LocalOCI(play) as served:
        yield served


async def ingested(settings, folder=None) -> None:
    folder = folder or settings.home.parent / "texts"
    folder.mkdir(exist_ok=True)
    for name, text in TEXTS.items():
        (folder / name).write_text(text, encoding="utf-8")
    async with open_service(settings) as service:
        corpus = await service.corpora.create("local", "default")
        await corpus.ingest([folder])


def request(**context) -> ResearchRequest:
    return ResearchRequest(question=QUESTION, context=ResearchContext(corpus="default", **context))


async def ask(settings, **context):
    async with open_service(settings) as service:
        return await service.run(request(**context))


async def test_a_run_is_answered_and_every_request_was_signed(oci, tmp_path):
    settings = local_settings(oci, tmp_path / "home")
    await ingested(settings)
    report = await ask(settings)
    assert report.status is Status.ANSWERED
    assert report.models == {
        "researcher": FAST,
        "analyzer": MODEL,
        "writer": MODEL,
        "reviewer": MODEL,
        "judge": MODEL,
    }
    assert {call.path for call in oci.calls} == {"chat", "applyGuardrails"}
    assert not oci.rejected
    chats = oci.of("chat")
    formats = [(call.body["chatRequest"].get("responseFormat") or {}).get("type") for call in chats]
    assert formats == ["JSON_SCHEMA", "JSON_OBJECT", None, "JSON_OBJECT"]  # the draft is asked for as plain text
    assert report.usage.calls == len(oci.calls)
    assert report.usage.cost_micro_usd == sum(map(billed, chats))
    by_role = report.usage_by_role
    assert set(by_role) == {"researcher", "analyzer", "writer", "reviewer", "guard", "other"}
    assert sum(by_role.values(), Usage()) == report.usage
    assert by_role["other"].calls == 1  # the guard that screened the question before the graph started


async def test_a_model_that_is_about_to_retire_says_so_once_in_the_report(tmp_path):
    retiring = Tenancy((TenancyModel(MODEL, notice="on-demand retirement on 2027-01-31"), TenancyModel(FAST)))
    with LocalOCI(play, tenancy=retiring) as oci:
        settings = local_settings(oci, tmp_path / "home")
        await ingested(settings)
        async with open_service(settings) as service:
            report = await service.run(ResearchRequest(question=QUESTION))
    assert len([call for call in oci.of("chat") if call.model == MODEL]) == 3
    told = [event for event in report.events if event.kind == MODEL_RETIRING]
    assert [(event.node, event.detail) for event in told] == [
        ("analyzer", f"OCI is about to retire {MODEL}: on-demand retirement on 2027-01-31")
    ]


def test_a_flipped_byte_in_the_body_is_answered_401(oci):
    body = {
        "compartmentId": COMPARTMENT,
        "input": {"type": "TEXT", "content": "Is this request intact?"},
        "guardrailConfigs": {"promptInjectionConfig": {}},
    }
    signed = local_session(oci).signer(
        Request("POST", f"{oci.url}/20231130/actions/applyGuardrails", json=body).prepare()
    )
    refusals = []
    for flipped in (False, True):
        content = bytearray(signed.body)
        content[-10] ^= flipped
        answer = httpx.post(signed.url, content=bytes(content), headers=dict(signed.headers))
        refusals.append((answer.status_code, answer.json().get("code")))
    assert refusals == [(200, None), (401, "NotAuthenticated")]


async def test_a_fallback_is_used_and_told_in_the_report(oci, tmp_path):
    settings = local_settings(oci, tmp_path / "home", models={"default": MODEL, "fallbacks": {MODEL: (FAST,)}})
    await ingested(settings)
    oci.faults.add(Fault("status", "chat", status=404))
    report = await ask(settings)
    assert report.status is Status.ANSWERED
    told = [event for event in report.events if event.kind == "model_fallback"]
    assert [event.node for event in told] == ["researcher"]
    assert MODEL in told[0].detail
    assert FAST in told[0].detail
    assert oci.of("chat")[1].model == FAST


async def test_unsafe_evidence_is_dropped_and_an_unsafe_question_refused(oci, tmp_path):
    settings = local_settings(oci, tmp_path / "home")
    await ingested(settings)
    async with open_service(settings) as service:
        await (await service.corpora.get("local", "default")).ingest([_written(tmp_path, "Falcon bombspell started.")])
        report = await service.run(request())
        refused = await service.run(
            ResearchRequest(question="How is a bombspell made?", context=ResearchContext(corpus="default"))
        )
    assert report.status is Status.ANSWERED
    assert all("bombspell" not in evidence.text for evidence in report.evidence)
    assert (refused.status, refused.refusal.policy) == (Status.REFUSED, "oci_guardrails")
    assert "bombspell" not in refused.model_dump_json()


def _written(folder, text):
    path = folder / "more.md"
    path.write_text(text, encoding="utf-8")
    return path


async def test_guardrails_that_cannot_answer_are_an_outage(oci, tmp_path):
    settings = local_settings(oci, tmp_path / "home", policy={"timeout_seconds": 1.0})
    await ingested(settings)
    oci.faults.add(Fault("status", "applyGuardrails", times=999, status=404))
    with pytest.raises(GuardUnavailable, match="oci_guardrails"):
        await ask(settings)
    assert not oci.of("chat")


async def test_embeddings_and_reranking_on_oci(oci, tmp_path):
    settings = local_settings(
        oci,
        tmp_path / "home",
        data={"embeddings": "oci"},
        oci={"rerank_model": "cohere.rerank-v4.0-fast"},
    )
    await ingested(settings)
    report = await ask(settings)
    assert report.status is Status.ANSWERED
    assert {call.body["inputType"] for call in oci.of("embedText")} == {"SEARCH_DOCUMENT", "SEARCH_QUERY"}
    assert report.evidence[0].scores.rerank is not None
    assert report.usage.calls == len(oci.calls) - len(
        [call for call in oci.of("embedText") if call.body["inputType"] == "SEARCH_DOCUMENT"]
    )


async def test_a_failed_rerank_degrades_visibly(oci, tmp_path):
    settings = local_settings(
        oci,
        tmp_path / "home",
        oci={"rerank_model": "cohere.rerank-v4.0-fast"},
    )
    await ingested(settings)
    oci.faults.add(Fault("status", "rerankText", times=99, status=404))
    report = await ask(settings)
    assert report.status is Status.ANSWERED
    assert [(event.node, event.kind) for event in report.events] == [("retrieve", "rerank_failed")]


async def test_beyond_the_soft_limit_no_round_begins(oci, tmp_path):
    settings = local_settings(oci, tmp_path / "home", budgets={"tenant_micro_usd": 10**9, "soft_percent": 1})
    await ingested(settings)
    async with open_service(settings) as service:
        before = await service.run(ResearchRequest(question=OPEN_QUESTION, context=ResearchContext(corpus="default")))
        await service.gateway.set_limit("local", "tenant", 200_000)
        after = await service.run(ResearchRequest(question=OPEN_QUESTION, context=ResearchContext(corpus="default")))
    assert (before.research_rounds, after.research_rounds) == (2, 1)
    assert "budget_soft_limit" in {event.kind for event in after.events}


@pytest.mark.slow
@pytest.mark.parametrize("runs", [16, pytest.param(64, marks=pytest.mark.long)])
async def test_runs_survive_a_third_of_failing_calls(tmp_path, runs):
    with LocalOCI(play, seed=7) as oci:
        settings = local_settings(
            oci,
            tmp_path / "home",
            limits={"preset": "none"},
            models={"deadline_seconds": SAFETY_SECONDS, "max_attempts": 8},
            oci={"read_timeout_seconds": SAFETY_SECONDS},
        )
        await ingested(settings)
        for operation in ("chat", "applyGuardrails"):
            throttled = Fault("status", operation, probability=0.1, status=429)
            broken = Fault("status", operation, probability=0.1, status=503)
            oci.faults.add(throttled, broken, Fault("drop_midstream", operation, probability=0.1))
        async with open_service(settings) as service:
            reports = await asyncio.gather(*(service.run(request()) for _ in range(runs)))
            found = await service.gateway.characters("local")
    answered = sum(report.status is Status.ANSWERED for report in reports)
    failed = sum(call.status in (429, 503) or not call.completed for call in oci.calls)
    assert 0.2 * len(oci.calls) < failed < 0.5 * len(oci.calls)  # retries do not multiply the failures
    assert answered >= 0.9 * runs, [(report.status, report.stop_reason) for report in reports]
    assert all(report.status in (Status.ANSWERED, Status.STOPPED, Status.PARTIAL, Status.REFUSED) for report in reports)
    assert found.completed == oci.completed_chars()
    assert found.completed + found.charged >= oci.all_chars()


def sinks(server, **more):
    """Return the settings that send telemetry to `server`."""
    ids = {"log_id": "ocid1.log.oc1..x", "topic_id": "ocid1.onstopic.oc1..x", "metrics_namespace": "sixplane"}
    endpoints = dict.fromkeys(("logging_endpoint", "monitoring_endpoint", "notifications_endpoint"), server.url)
    return {**ids, **endpoints, **more}


def said(report):
    """Return what a report says, without what differs from run to run."""
    return report.model_dump(
        mode="json", exclude={"thread_id", "run_id", "trace_id", "timings_ms", "question", "corpus"}
    )


async def test_sinks_that_die_during_a_run_change_nothing_in_its_report(tmp_path):
    plane = LocalOCI()

    def play_and_kill(call):
        if call.schema == "Analysis":
            plane.stop()
        return play(call)

    with plane, LocalOCI(play) as models, LocalOCI(play_and_kill) as killing:
        alive = local_settings(models, tmp_path / "home", oci=sinks(plane))
        await ingested(alive)
        expected = said(await ask(alive))
        dying = local_settings(killing, tmp_path / "other" / "home", oci=sinks(plane))
        await ingested(dying, tmp_path / "texts")
        assert said(await ask(dying)) == expected


async def test_every_call_is_an_event_and_a_metric_without_a_word_of_what_was_said(tmp_path):
    with LocalOCI(play) as oci:
        settings = local_settings(oci, tmp_path / "home", oci=sinks(oci))
        await ingested(settings)
        report = await ask(settings)
        events = [json.loads(entry["data"]) for entry in oci.log_entries]
        metrics = oci.metrics
    assert len(events) == report.usage.calls
    assert sum(event["cost_micro_usd"] for event in events) == report.usage.cost_micro_usd
    names = {metric["name"] for metric in metrics}
    durations, tokens = "gen_ai.client.operation.duration", "gen_ai.client.token.usage"
    assert {f"{durations}.sum", f"{durations}.count", f"{durations}.bucket", f"{tokens}.sum", "sixplane.cost"} <= names
    (dimensions, *_) = [metric["dimensions"] for metric in metrics if metric["name"] == "sixplane.cost"]
    assert {"service", "gen_ai.request.model"} <= set(dimensions)
    everything = json.dumps([events, metrics])
    assert not [word for word in ("Falcon", "Ada", "million", "tenant") if word in everything]


async def test_a_budget_s_thresholds_reach_the_topic(tmp_path):
    with LocalOCI(play) as oci:
        settings = local_settings(
            oci, tmp_path / "home", oci=sinks(oci), budgets={"tenant_micro_usd": 60_000, "soft_percent": 100}
        )
        await ingested(settings)
        async with open_service(settings) as service:
            reports = [await service.run(request(max_output_tokens=256)) for _ in range(12)]
            await until(lambda: len(oci.messages) == 4)
        alerts = [json.loads(message["body"]) for message in oci.messages]
    assert sorted(alert["threshold"] for alert in alerts) == [50, 75, 90, 100]
    assert len({alert["id"] for alert in alerts}) == len(alerts)
    assert {alert["kind"] for alert in alerts} == {"tenant"}
    assert reports[0].status is Status.ANSWERED
    assert reports[-1].stop_reason == "budget_exceeded"
    assert sum(report.usage.cost_micro_usd for report in reports) <= 60_000


async def test_memory_of_other_embeddings_is_passed_over_and_told(oci, tmp_path):
    local = local_settings(oci, tmp_path / "home")
    await ingested(local)
    await ask(local)
    remote = local_settings(oci, tmp_path / "home", data={"embeddings": "oci"})
    async with open_service(remote) as service:
        corpus = await service.corpora.create("local", "other")
        await corpus.ingest([tmp_path / "texts"])
        report = await service.run(ResearchRequest(question=QUESTION, context=ResearchContext(corpus="other")))
    assert report.status is Status.ANSWERED
    assert {(event.kind, event.detail) for event in report.events} == {("memory_unavailable", "embedding_mismatch")}
