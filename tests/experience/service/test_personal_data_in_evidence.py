"""What a policy says of personal data in documents holds for a whole run, and the report can still be checked."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from experience.service import ResearchService
from experience.verification import verify_report
from retrieval import Corpus
from state.report import Report
from state.values import MASK
from tests.experience.service.helpers import ask, service_of

MAIL = "grace.hopper@example.com"
TEXT = f"Tariffs\n\nTariff A costs 12 dollars a month.\n\nThe price of Tariff A was set by {MAIL} of the sales team."
HIDDEN = re.sub(r"[^.]", MASK, MAIL)


async def run_on_own(service: ResearchService, folder: Path) -> tuple[Report, Corpus]:
    folder.mkdir()  # noqa: ASYNC240 - a small file of the test
    (folder / "tariffs.md").write_text(f"# {TEXT}\n")
    corpus = await service.corpora.create("local", "own")
    await corpus.ingest([folder])
    return await service.run(ask(corpus="own")), corpus


def policy(**actions: str) -> dict[str, Any]:
    return {"personal_data": {"entities": {"EMAIL_ADDRESS": actions}}}


async def test_evidence_is_the_user_s_own_unless_a_policy_says_otherwise(home: Path, tmp_path: Path) -> None:
    async with service_of(home, policy=policy(answer="allow")) as service:
        report, corpus = await run_on_own(service, tmp_path / "own")
        assert report.status == "answered"
        assert MAIL in report.model_dump_json()
        assert (await verify_report(report, corpus)).outcome == "verified"


@pytest.mark.parametrize("answer", ["redact", "allow"])
async def test_redacted_evidence_is_shown_nowhere_and_all_offsets_hold(home: Path, tmp_path: Path, answer: str) -> None:
    async with service_of(home, policy=policy(evidence="redact", answer=answer)) as service:
        report, corpus = await run_on_own(service, tmp_path / "own")
        assert MAIL not in report.model_dump_json()
        assert [event.detail.partition(": ")[2] for event in report.events if event.kind == "passage_redacted"]
        assert (await verify_report(report, corpus)).outcome == "verified"
        assert (report.status, len(report.evidence)) == ("answered", 1)
        for item in report.evidence:
            assert item.text == TEXT[item.start : item.end].replace(MAIL, HIDDEN)


async def test_refused_evidence_is_dropped(home: Path, tmp_path: Path) -> None:
    async with service_of(home, policy=policy(evidence="refuse")) as service:
        report, _ = await run_on_own(service, tmp_path / "own")
        assert (report.status, report.evidence) == ("abstained", ())
        assert MAIL not in report.model_dump_json()
