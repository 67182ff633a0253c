"""`verifier`: code checks each claim against the passages it cites; a judge decides what code cannot."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from langgraph.runtime import Runtime

from nodes.collaborators import Collaborators, context_of
from nodes.draft import claims_of, draft_claims
from nodes.evidence import chars_of, load_evidence
from nodes.judge.cases import Asked, Case, case_of, decided, judged, scored, with_headers
from nodes.judge.model import Judged, ModelJudge, known
from nodes.outcome import tally
from nodes.quotes import Candidate, Source
from retrieval import Corpus
from settings.pools import CPU
from state.channels import ResearchContext, ResearchState
from state.values import ClaimFault, Event, Passage, Quote, Support

CODE = "local"
"""Name of the judge where code alone decided, the local scorer included."""


class Verifier:
    """Checks the draft and binds the result to the draft's hash."""

    def __init__(self, collaborators: Collaborators) -> None:
        self._to = collaborators

    async def __call__(self, state: ResearchState, runtime: Runtime[ResearchContext]) -> dict[str, Any]:
        draft = state["draft"]
        if draft is None:
            raise ValueError("there is no draft to verify")
        corpus = await self._to.corpus(context_of(runtime))
        passages = await load_evidence(state, corpus)
        model = self._to.gateway.judge_id(context_of(runtime))
        # In a thread: a long draft takes seconds, in which the loop would serve nobody else.
        chars = chars_of(state, passages)
        drafted = await CPU.run_unless_short(chars, cases_of, state, passages, judged=bool(model))
        cases = await verbatim_only(drafted, corpus, passages)
        opened = [case for case in cases if case.open and case.candidates]
        earlier = known(opened, state.get("judged", {})) if model else {}
        asked = [case for case in opened if case.claim.id not in earlier]
        answer = await ModelJudge(self._to, runtime, state, model).judge(asked) if model and asked else Judged()
        verdicts = {**earlier, **answer.verdicts}
        # An outage of a judge leaves claims unverified; the local scorer decides only where no judge is configured.
        unjudged = decided if model else scored
        claims = with_headers(
            [judged(case, verdicts[case.claim.id]) if case.claim.id in verdicts else unjudged(case) for case in cases]
        )
        fresh = {case.key: answer.verdicts[case.claim.id] for case in asked if case.claim.id in answer.verdicts}
        return {
            "claims": claims,
            "verification": tally(claims, draft, model if model and (verdicts or asked) else CODE),
            "judged": {**state.get("judged", {}), **fresh},
            "draft_review": answer.review,
            "events": (*unknown_aliases(cases), *answer.events),
        }


def cases_of(state: ResearchState, passages: Mapping[str, Passage], *, judged: bool) -> list[Case]:
    """Return the cases of the draft's claims, examined by code."""
    draft = state["draft"]
    question = state.get("question", "")
    asked = Asked(
        question=question,
        questions=(question, *(turn.question for turn in state.get("conversation", ()))),
        found=tuple(quote for finding in state.get("findings", ()) for quote in finding.quotes),
        judged=judged,
    )
    drafted = draft_claims(draft.markdown if draft else "")
    fenced = frozenset(state.get("fenced", ()))
    sources = {alias: Source(alias, each, each.evidence_id in fenced) for alias, each in passages.items()}
    pairs = zip(claims_of(drafted), drafted, strict=True)
    return [case_of(claim, each.aliases, sources, asked, each.quotation) for claim, each in pairs]


async def verbatim_only(cases: Sequence[Case], corpus: Corpus, passages: Mapping[str, Passage]) -> list[Case]:
    """Return the cases with only those quotes that are the canonical text at their offsets, inside their passage.

    A case that loses all of its quotes is one that cites nothing.
    """
    by_id = {passage.evidence_id: passage for passage in passages.values()}
    named = {candidate.quote.evidence_id for case in cases for candidate in case.candidates}
    keys = {(by_id[key].document_id, by_id[key].text_hash) for key in named}
    texts = {key: await corpus.canonical_text(*key) for key in keys}

    def holds(candidate: Candidate) -> bool:
        quote: Quote = candidate.quote
        passage = by_id[quote.evidence_id]
        text = texts[passage.document_id, passage.text_hash]
        inside = passage.start <= quote.start < quote.end <= passage.end
        return text is not None and inside and text[quote.start : quote.end] == quote.quote

    return [_checked(case, tuple(filter(holds, case.candidates))) for case in cases]


def unknown_aliases(cases: Iterable[Case]) -> tuple[Event, ...]:
    """Return an event that counts the citations of passages that do not exist."""
    found = [alias for case in cases for alias in case.unknown]
    if not found:
        return ()
    return (Event(node="verifier", kind="unknown_alias", detail=f"{len(found)} citations name no passage of the run"),)


def _checked(case: Case, held: tuple[Candidate, ...]) -> Case:
    if len(held) == len(case.candidates):
        return case
    if held or case.examined.fault:
        return replace(case, candidates=held)
    examined = replace(case.examined, verdict=Support.UNSUPPORTED, fault=ClaimFault.UNCITED)
    return replace(case, candidates=(), examined=examined)
