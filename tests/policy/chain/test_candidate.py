"""A policy that is tried: what it says is recorded and changes nothing."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from observability import collected_notices
from policy import GUARD_UNAVAILABLE, Action, Guard, GuardChain, Screening, Stage, Verdict, build_guards
from policy.fingerprint import policy_reference
from settings import load_settings
from settings.policy import PolicySettings
from settings.policy_file import load_policy
from state.errors import SettingsInvalid
from state.report import PolicyRef
from state.values import Event, Mask

TEXT = "Anna asks"


class Says(Guard):
    name = "says"

    def __init__(self, action: Action, *spans: tuple[int, int]) -> None:
        self._action, self._spans = action, tuple(Mask(start=start, end=end, kind="NAME") for start, end in spans)

    async def check(self, text: str, stage: Stage) -> Verdict:
        category = "" if self._action is Action.ALLOW else "told"
        return Verdict(action=self._action, policy=self.name, category=category, spans=self._spans)


class Raises(Guard):
    name = "raises"

    async def check(self, text: str, stage: Stage) -> Verdict:
        raise RuntimeError(text)


class Hangs(Guard):
    name = "hangs"

    def __init__(self) -> None:
        self.cancelled = asyncio.Event()

    async def check(self, text: str, stage: Stage) -> Verdict:
        try:
            return await asyncio.Event().wait()  # type: ignore[return-value]
        except asyncio.CancelledError:
            self.cancelled.set()
            raise


ALLOW, REDACT, REFUSE = Says(Action.ALLOW), Says(Action.REDACT, (0, 4)), Says(Action.REFUSE)
FLAG = Says(Action.FLAG, (0, 4))


def chain(own: Guard, *tried: Guard, timeout: float = 30) -> GuardChain:
    candidate = GuardChain(tried, PolicySettings(timeout_seconds=30), reference=PolicyRef(version="2", hash="bb"))
    own_policy = PolicySettings(timeout_seconds=timeout)
    return GuardChain([own], own_policy, reference=PolicyRef(version="1", hash="aa"), candidate=candidate)


async def screened(guards: GuardChain, stage: Stage = Stage.QUESTION) -> tuple[Screening, list[Event]]:
    with collected_notices() as noticed:
        return await guards.screen(TEXT, stage), list(noticed)


@pytest.mark.parametrize("stage", Stage)
@pytest.mark.parametrize("own", [ALLOW, FLAG, REDACT, REFUSE], ids=["allow", "flag", "redact", "refuse"])
@pytest.mark.parametrize(
    "tried", [ALLOW, FLAG, REDACT, REFUSE, Raises()], ids=["allow", "flag", "redact", "refuse", "raises"]
)
async def test_it_changes_nothing_and_a_difference_is_noticed(own: Guard, tried: Guard, stage: Stage) -> None:
    alone = await GuardChain([own], PolicySettings(), reference=PolicyRef(version="1", hash="aa")).screen(TEXT, stage)
    screening, noticed = await screened(chain(own, tried), stage)
    for name in ("text", "verdict", "verdicts", "masks"):
        assert getattr(screening, name) == getattr(alone, name)
    assert screening.candidate is not None
    told = screening.candidate.verdict
    # A candidate that cannot answer hides no refusal of the policy in force.
    assert told.policy_hash == ("aa" if own is REFUSE and isinstance(tried, Raises) else "bb")
    assert (screening.policy.hash, screening.policy.candidate_hash, screening.policy.candidate_version) == (
        "aa",
        "bb",
        "2",
    )
    if told.action is screening.verdict.action:
        assert noticed == []
    else:
        assert noticed == [
            Event(
                node="guard", kind=f"would_{told.action.value}", detail=f"{stage.value}: {told.category or 'allowed'}"
            )
        ]
    assert TEXT not in str(noticed)


@pytest.mark.parametrize(("own", "tried"), [(REDACT, Says(Action.REDACT, (5, 9))), (FLAG, Says(Action.FLAG, (5, 9)))])
async def test_the_same_action_on_another_part_is_a_difference(own: Guard, tried: Guard) -> None:
    _, (event,) = await screened(chain(own, tried))
    assert event.kind in ("would_redact", "would_flag")


async def test_a_candidate_that_hangs_holds_nothing(caplog: pytest.LogCaptureFixture) -> None:
    hangs = Hangs()
    with caplog.at_level(logging.WARNING, "policy.chain"):
        screening, noticed = await screened(chain(ALLOW, hangs, timeout=0.05))
    assert (screening.verdict.action, screening.candidate, noticed) == (Action.ALLOW, None, [])
    await hangs.cancelled.wait()
    assert "gave no verdict in time" in caplog.text


async def test_cancelling_the_screening_cancels_the_candidate() -> None:
    hangs = Hangs()
    task = asyncio.create_task(chain(ALLOW, hangs).screen(TEXT, Stage.QUESTION))
    while not task.done() and not hangs.cancelled.is_set():
        await asyncio.sleep(0.01)
        task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await hangs.cancelled.wait()


async def test_a_candidate_whose_guard_fails_would_refuse() -> None:
    screening, (event,) = await screened(chain(ALLOW, Raises()))
    assert screening.verdict.action is Action.ALLOW
    assert event.detail == f"question: {GUARD_UNAVAILABLE}"


async def test_the_span_names_both_verdicts_and_no_text(monkeypatch: pytest.MonkeyPatch) -> None:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "get_tracer", provider.get_tracer)
    await chain(REDACT, REFUSE).screen(TEXT, Stage.QUESTION)
    (span,) = exporter.get_finished_spans()
    named = {name.removeprefix("sixplane.guard."): value for name, value in (span.attributes or {}).items()}
    assert (named["action"], named["policy_hash"], named["policy_version"]) == ("redact", "aa", "1")
    assert (named["candidate.action"], named["candidate.policy_hash"]) == ("refuse", "bb")
    assert [event.name for event in span.events] == ["sixplane.would_refuse"]
    assert "Anna" not in span.to_json()


async def test_oci_is_asked_once_for_both_policies(tmp_path: Path) -> None:
    asked: list[str] = []

    async def apply(text: str) -> dict[str, object]:
        asked.append(text)
        overall = [{"name": "OVERALL", "score": 1.0}]
        return {
            "contentModeration": {"categories": overall},
            "promptInjection": {"score": 0.0},
            "personallyIdentifiableInformation": [],
        }

    file = tmp_path / "next.toml"
    file.write_text('version = "2"\n')
    guards = build_guards(load_settings(policy_candidate_file=file), oci=apply)
    screening = await guards.screen("What is a budget?", Stage.QUESTION)
    assert asked == ["What is a budget?"]
    assert screening.candidate is not None
    assert screening.verdict.category == screening.candidate.verdict.category == "unsafe_content"


async def test_the_settings_name_the_file_of_the_candidate(tmp_path: Path) -> None:
    file = tmp_path / "next.toml"
    file.write_text('version = "2"\ndeny = ["falcon"]\n')
    settings = load_settings(policy_candidate_file=file)
    guards = build_guards(settings)
    assert guards.reference.hash == policy_reference(settings).hash
    assert guards.reference.candidate_hash == policy_reference(settings, load_policy(file)).hash
    screening = await guards.screen("the falcon", Stage.QUESTION)
    assert (screening.verdict.action, screening.text) == (Action.ALLOW, "the falcon")
    assert screening.candidate is not None
    assert screening.candidate.verdict.category == "denied_phrase"
    file.write_text('deny = ["falcon"]\n')
    with pytest.raises(SettingsInvalid, match="has no `version`"):
        build_guards(settings)
