"""Role schemas forgive what does no harm: case, extra keys, empty lists, kinds that nobody defined."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from state.roles import ROLE_SCHEMAS, Analysis, ClaimVerdict, JudgedReview, ResearchPlan, Review, Verdicts


@pytest.mark.parametrize(
    ("schema", "given", "field", "read"),
    [
        (Analysis, {"findings": [], "decision": "Research more"}, "decision", "research_more"),
        (Analysis, {"findings": [], "decision": "ENOUGH", "thoughts": "…"}, "decision", "enough"),
        (Review, {"findings": [], "verdict": "Needs-Human"}, "verdict", "needs_human"),
        (ClaimVerdict, {"claim": "c1", "verdict": "Supported"}, "verdict", "supported"),
        (ResearchPlan, {"sub_questions": ["q"] * 9}, "sub_questions", ["q"] * 9),
        (ResearchPlan, {"sub_questions": []}, "standalone_question", ""),
    ],
)
def test_what_does_no_harm_is_read(schema: type[BaseModel], given: dict[str, Any], field: str, read: Any) -> None:
    assert getattr(schema.model_validate(given), field) == read


def test_an_invented_kind_of_finding_is_a_fact() -> None:
    kinds = [{"statement": "s", "kind": kind} for kind in ("Definition", "CONFLICT", None)]
    analysis = Analysis.model_validate({"decision": "enough", "findings": kinds})
    assert [finding.kind.value for finding in analysis.findings] == ["fact", "conflict", "fact"]


@pytest.mark.parametrize("schema", ROLE_SCHEMAS, ids=lambda schema: schema.__name__)
def test_an_object_of_something_else_is_no_answer(schema: type[BaseModel]) -> None:
    with pytest.raises(ValidationError):
        schema.model_validate({"answer": "42"})


def test_a_reviewer_that_judges_gives_the_verdicts_on_claims_first() -> None:
    assert next(iter(JudgedReview.model_fields)) == next(iter(Verdicts.model_fields)) == "verdicts"


@pytest.mark.parametrize("schema", ROLE_SCHEMAS, ids=lambda schema: schema.__name__)
def test_every_field_is_described(schema: type[BaseModel]) -> None:
    described = schema.model_json_schema()
    parts = [described, *described.get("$defs", {}).values()]
    fields = {name: field for part in parts for name, field in part.get("properties", {}).items()}
    bare = {name for name, field in fields.items() if not field.get("description")}
    assert fields
    assert bare <= {"verdict"}, bare
