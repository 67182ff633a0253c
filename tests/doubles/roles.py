"""A scripted model that plays every role well: the same prompt always gets the same answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from langchain_core.messages import BaseMessage

from gateway import ScriptedChatModel
from state.evidence_block import EvidenceItem
from state.prompt_fields import parse_fields
from state.sentences import sentences

Fields = dict[str, Any]
Play = Callable[[Fields, list[EvidenceItem]], Any]


def plan(fields: Fields, _: list[EvidenceItem]) -> Any:
    """One sub-question per `;`-separated part of the question, or per open gap in other words."""
    gaps = [f"again {gap}" for gap in fields["open_gaps"]]
    return {
        "standalone_question": fields["question"],
        "sub_questions": gaps or [part.strip() for part in fields["question"].split(";") if part.strip()],
    }


def analyse(fields: Fields, evidence: list[EvidenceItem]) -> Any:
    """The first sentence of each passage that a sub-question retrieved; `nothing` where there is none."""
    findings = [
        {
            "statement": item.text[slice(*sentences(item.text)[0])],
            "sub_question": question["id"],
            "quotes": [{"evidence": item.alias, "quote": item.text[slice(*sentences(item.text)[0])]}],
        }
        for question in fields["sub_questions"]
        for item in evidence
        if question["id"] in item.sub_questions
    ]
    answered = {finding["sub_question"] for finding in findings}
    gaps = [q for q in fields["sub_questions"] if q["id"] not in answered]
    return {
        "findings": findings,
        "gaps": [{"sub_question": q["id"], "missing": f"nothing on {q['text']}"} for q in gaps],
        "decision": "enough" if not gaps else "research_more" if fields["rounds_left"] else "nothing",
    }


def write(fields: Fields, _: list[EvidenceItem]) -> Any:
    """The statements with their aliases."""
    lines = [f"{f['statement']} {''.join(f'[{alias}]' for alias in f['evidence'])}" for f in fields["findings"]]
    return {"markdown": "\n\n".join(dict.fromkeys(lines))}


def review(fields: Fields, _: list[EvidenceItem]) -> Any:
    """Approve."""
    return {"verdict": "approve", "findings": []}


def judge(fields: Fields, _: list[EvidenceItem]) -> Any:
    """Support everything, each claim by its first quote."""
    return {
        "verdicts": [
            {"claim": claim["id"], "verdict": "supported", "carried_by": [claim["quotes"][0]["id"]]}
            for claim in fields["claims"]
        ]
    }


def judged_review(fields: Fields, evidence: list[EvidenceItem]) -> Any:
    """Support everything, and approve."""
    return {**judge(fields, evidence), **review(fields, evidence)}


PLAYS: Mapping[str, Play] = {
    "ResearchPlan": plan,
    "Analysis": analyse,
    "WrittenDraft": write,
    "Review": review,
    "Verdicts": judge,
    "JudgedReview": judged_review,
}


def scripted(log: Any = None, **plays: Any) -> ScriptedChatModel:
    """Return a model of all roles; `plays` replace some by schema name, with a function or a fixed answer."""
    cast = {**PLAYS, **plays}

    def answer(messages: list[BaseMessage], schema: str) -> Any:
        play = cast[schema]
        if not callable(play):
            return play
        human = [message for message in messages if message.type == "human"]
        return play(*parse_fields(human[0].text if len(human) > 1 else human[-1].text))

    return ScriptedChatModel(script=answer, log=log)
