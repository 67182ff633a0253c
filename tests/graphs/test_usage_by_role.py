"""The report says what each role used, and the parts add up to the run's usage."""

from __future__ import annotations

from typing import Any

from gateway import Answer
from state.report import Report
from state.values import Usage
from tests.doubles.roles import PLAYS, scripted

QUESTION = "When did the Falcon project start?"


async def test_each_role_has_its_calls_and_they_add_up(build: Any, ask: Any) -> None:
    report = Report.model_validate(await ask(build(), "When did the Falcon start; What does Tariff A cost"))
    assert set(report.usage_by_role) == {"researcher", "analyzer", "writer", "reviewer"}
    assert sum(report.usage_by_role.values(), Usage()) == report.usage
    assert all(usage.input_chars and usage.output_chars for usage in report.usage_by_role.values())


async def test_repairs_rounds_and_revisions_count_for_their_role(build: Any, ask: Any) -> None:
    plans: list[Any] = []

    def plan(fields: Any, evidence: Any) -> Any:
        plans.append(fields)
        return Answer("no") if len(plans) == 1 else PLAYS["ResearchPlan"](fields, evidence)

    graph = build(
        scripted(ResearchPlan=plan, Review={"verdict": "revise", "findings": [{"severity": "major", "remedy": "more"}]})
    )
    report = Report.model_validate(await ask(graph, "When did the Falcon start; Zygote?", max_revisions=1))
    calls = {role: usage.calls for role, usage in report.usage_by_role.items()}
    assert calls == {"researcher": 3, "analyzer": 2, "writer": 2, "reviewer": 2}
    assert sum(report.usage_by_role.values(), Usage()) == report.usage


async def test_a_second_question_starts_from_nothing(build: Any, ask: Any) -> None:
    graph = build()
    first, second = [Report.model_validate(await ask(graph, QUESTION)) for _ in range(2)]
    assert {role: usage.calls for role, usage in second.usage_by_role.items()} == {
        role: usage.calls for role, usage in first.usage_by_role.items()
    }
    assert sum(second.usage_by_role.values(), Usage()) == second.usage


async def test_what_a_failed_node_used_has_no_role_but_is_in_the_sum(build: Any, ask: Any) -> None:
    report = Report.model_validate(await ask(build(scripted(Analysis="not JSON")), QUESTION))
    assert report.usage_by_role["other"].calls == 2
    assert sum(report.usage_by_role.values(), Usage()) == report.usage
