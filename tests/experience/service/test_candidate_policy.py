"""A run beside which a policy is tried: the report and the audit trail say what it would have done."""

from __future__ import annotations

from pathlib import Path

import pytest

from observability.audit import read_lines
from policy.fingerprint import policy_reference
from settings import load_settings
from settings.policy_file import load_policy
from state.report import Report
from tests.experience.service.helpers import ask, service_of

NEXT = 'version = "next"\ndeny = ["falcon"]\n'


@pytest.fixture
def candidate(tmp_path: Path) -> Path:
    file = tmp_path / "next.toml"
    file.write_text(NEXT)
    return file


@pytest.fixture
def loose(tmp_path: Path) -> Path:
    file = tmp_path / "loose.toml"
    file.write_text('version = "loose"\n[personal_data]\ndefault = "allow"\n')
    return file


async def test_what_the_candidate_would_refuse_is_answered_and_told(home: Path, candidate: Path) -> None:
    async with service_of(home, policy_candidate_file=candidate) as service:
        report = await service.run(ask("What was the budget of the Falcon project?", "t"))
        again = await service.run(ask("How much does Tariff A cost?", "t"))
        settings = service.settings
    assert report.status == "answered"
    assert report.policy is not None
    assert report.policy.hash == policy_reference(settings).hash
    assert report.policy.candidate_hash == policy_reference(settings, load_policy(candidate)).hash
    assert report.policy.candidate_version == "next"
    told = [(event.node, event.kind, event.detail) for event in report.events if event.kind.startswith("would_")]
    assert told == [
        ("guard_input", "would_refuse", "question: denied_phrase"),
        ("guard_output", "would_refuse", "answer: denied_phrase"),
    ]
    assert not any(event.kind.startswith("would_") for event in again.events)
    (line,) = [each for each in read_lines(home / "audit.jsonl") if each["kind"] == "candidate"]
    assert (line["ids"], line["counts"]) == ([report.policy.candidate_hash], {"would_refuse": 2})
    assert (line["object"], line["policy"]) == ("thread:t", report.policy.hash)


async def test_a_question_that_only_the_policy_in_force_refuses_or_redacts_says_so(home: Path, loose: Path) -> None:
    policy = {"deny": ["falcon"]}
    async with service_of(home, policy=policy, policy_candidate_file=loose) as service:
        refused = await service.run(ask("What was the budget of the Falcon project?", "t"))
        redacted = await service.run(ask("How much does Tariff A cost for ann@example.org?", "u"))
    assert [(event.kind, event.detail) for event in refused.events] == [("would_allow", "question: allowed")]
    assert refused.refusal is not None
    assert refused.refusal.policy_hash == refused.policy.hash  # type: ignore[union-attr]
    assert ("would_allow", "question: allowed") in [(event.kind, event.detail) for event in redacted.events]
    assert "ann@example.org" not in redacted.model_dump_json()


def test_a_report_from_before_the_hashes_still_loads() -> None:
    old = {
        "thread_id": "t", "run_id": "r", "trace_id": "",
        "question": "q", "status": "refused", "stop_reason": "policy:x",
        "markdown": "", "refusal": {"stage": "question", "policy": "deny_list", "category": "x", "reason": "y"},
    }  # fmt: skip
    report = Report.model_validate(old)
    assert (report.policy, report.refusal.policy_hash) == (None, "")  # type: ignore[union-attr]
    assert load_settings().policy_candidate_file is None
