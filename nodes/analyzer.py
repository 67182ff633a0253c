"""`analyzer`: extracts findings with verbatim quotes, names gaps, and chooses the next step."""

from __future__ import annotations

from typing import Any, Literal

from langgraph.runtime import Runtime
from langgraph.types import Command

from nodes.collaborators import Collaborators, context_of
from nodes.evidence import load_evidence, ranked_items
from nodes.prompts.analyzer import analysis_messages
from nodes.research.findings import merged, open_questions, resolve_findings
from nodes.research.gap_words import missing_words
from state.channels import ResearchContext, ResearchState
from state.roles import Analysis, Decision
from state.values import Event, Finding, Gap, Role, Status


class Analyzer:
    """Reads the run's evidence. `research_rounds` is raised here and nowhere else: a loop has one counter."""

    def __init__(self, collaborators: Collaborators) -> None:
        self._to = collaborators

    async def __call__(
        self, state: ResearchState, runtime: Runtime[ResearchContext]
    ) -> Command[Literal["researcher", "writer", "publish"]]:
        context = context_of(runtime)
        rounds = state.get("research_rounds", 0) + 1
        if _all_branches_failed(state):
            ended = {"status": Status.STOPPED, "stop_reason": "retrieval_failed", "research_rounds": rounds}
            return Command(update={**ended, "gaps": _all_open(state)}, goto="publish")
        left = await self._to.rounds_left(runtime, context.max_research_rounds - rounds)
        passages = await load_evidence(state, await self._to.corpus(context))
        if not passages:
            return _decided(
                state, left, rounds, state.get("findings", ()), Analysis(findings=[], decision=Decision.NOTHING), ()
            )
        bare = analysis_messages(state, [], rounds, left)
        ranked = ranked_items(passages, state.get("hits", ()), state.get("fenced", ()))
        items = self._to.evidence_for(runtime, Role.ANALYZER, Analysis, bare, ranked)
        messages = analysis_messages(state, items, rounds, left)
        analysis = await self._to.ask(runtime, Role.ANALYZER, Analysis, messages)
        found, events = resolve_findings(analysis, passages, state["sub_questions"])
        findings = merged(state.get("findings", ()), found, state["sub_questions"])
        return _decided(
            state,
            left,
            rounds,
            findings,
            analysis,
            (*events, *_unread(len(ranked) - len(items)), *_probable(analysis, state)),
        )


def _decided(
    state: ResearchState,
    left: int,
    rounds: int,
    findings: tuple[Finding, ...],
    analysis: Analysis,
    events: tuple[Event, ...],
) -> Command[Literal["researcher", "writer", "publish"]]:
    gaps = open_questions(state, findings, analysis)
    update: dict[str, Any] = {"findings": findings, "gaps": gaps, "research_rounds": rounds, "events": events}
    return Command(update=update, goto=route_analysis(analysis.decision, bool(findings), bool(gaps), left))


def route_analysis(
    decision: Decision, found: bool, gaps: bool, rounds_left: int
) -> Literal["researcher", "writer", "publish"]:
    """Return the next node: another round if gaps and rounds are left, else the writer if anything was found."""
    if decision is not Decision.ENOUGH and gaps and rounds_left > 0:
        return "researcher"
    return "writer" if found else "publish"


def _probable(analysis: Analysis, state: ResearchState) -> tuple[Event, ...]:
    """Return how probable it is that each sub-question is answered, where the model says so."""
    return tuple(
        Event(
            node="analyzer",
            kind="answer_probability",
            detail=f"{question.id}: {analysis.probabilities[question.id]:.2f}",
        )
        for question in state["sub_questions"]
        if question.id in analysis.probabilities
    )


def _unread(left_out: int) -> tuple[Event, ...]:
    if not left_out:
        return ()
    detail = f"{left_out} passages, the least relevant, do not fit into the model's context"
    return (Event(node="analyzer", kind="evidence_left_out", detail=detail),)


def _all_branches_failed(state: ResearchState) -> bool:
    failed = sum(event.kind == "branch_failed" for event in state.get("events", ()))
    return bool(failed) and not state.get("hits", ())


def _all_open(state: ResearchState) -> tuple[Gap, ...]:
    asked = state.get("sub_questions", ())
    return tuple(Gap(sub_question=question.id, missing=missing_words(state, question)) for question in asked)
