"""Versions of the prompts, which a report names: a changed word is another version."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel

from nodes.prompts.analyzer import ANALYSIS_INSTRUCTIONS
from nodes.prompts.judge import JUDGE_INSTRUCTIONS
from nodes.prompts.researcher import PLAN_INSTRUCTIONS
from nodes.prompts.reviewer import JUDGED_REVIEW_INSTRUCTIONS, REVIEW_INSTRUCTIONS
from nodes.prompts.writer import WRITING_INSTRUCTIONS
from state.roles import Analysis, JudgedReview, ResearchPlan, Review, Verdicts, WrittenDraft
from state.values import Role

_PROMPTS: dict[Role, tuple[tuple[str, ...], tuple[type[BaseModel], ...]]] = {
    Role.RESEARCHER: ((PLAN_INSTRUCTIONS,), (ResearchPlan,)),
    Role.ANALYZER: ((ANALYSIS_INSTRUCTIONS,), (Analysis,)),
    Role.WRITER: ((WRITING_INSTRUCTIONS,), (WrittenDraft,)),
    Role.REVIEWER: ((REVIEW_INSTRUCTIONS, JUDGED_REVIEW_INSTRUCTIONS), (Review, JudgedReview)),
    Role.JUDGE: ((JUDGE_INSTRUCTIONS,), (Verdicts,)),
}


def prompt_version(role: Role) -> str:
    """Return the first 8 hex digits of the SHA-256 over the role's texts and the descriptions of its schemas."""
    texts, schemas = _PROMPTS[role]
    # The descriptions and not `model_json_schema`, whose form differs between versions of pydantic.
    lines = [*texts, *(line for schema in schemas for line in _described(schema))]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:8]


def _described(schema: type[BaseModel]) -> Iterator[str]:
    for name, field in schema.model_fields.items():
        yield f"{name}: {field.description or ''}"
        for inner in _models_in(field.annotation):
            yield from _described(inner)


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models_in(part)
