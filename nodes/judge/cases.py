"""A claim with the quotes it may rest on, and what code alone says about it. Pure functions."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from nodes.checks import (
    UNDECIDED,
    Assertion,
    Examined,
    Span,
    examine,
    foreign_addresses,
    quoted_span,
    same_cells,
    stems,
)
from nodes.judge.headings import is_neutral, is_place, needs_no_judge
from nodes.judge.scorer import local_scorer
from nodes.quotes import Candidate, Source, at_span, candidates, merged
from state.values import Claim, ClaimFault, ClaimKind, JudgedClaim, Quote, Support

_MOST_QUOTES = 26
"""Most quotes of one claim: each has a letter."""

_ABOVE_CHARS = 300  # of the text above code that the judge sees; a chosen value

_FAULTS = {Support.UNSUPPORTED: ClaimFault.NOT_SAID, Support.CONTRADICTED: ClaimFault.SAID_OTHERWISE}


@dataclass(frozen=True)
class Asked:
    """What the claims of a draft are checked with.

    Args:
        question: the question as the user asked it.
        questions: it, and the user's earlier questions.
        found: the quotes of the findings.
        judged: whether a model judges what code cannot decide.
    """

    question: str = ""
    questions: tuple[str, ...] = ()
    found: tuple[Quote, ...] = ()
    judged: bool = False


@dataclass(frozen=True)
class Case:
    """A claim, the quotes that may carry it, and the verdict of code."""

    claim: Claim
    candidates: tuple[Candidate, ...] = ()
    examined: Examined = UNDECIDED
    unknown: tuple[str, ...] = ()

    @property
    def open(self) -> bool:
        """Whether only a judge can decide it."""
        return self.examined.verdict is None

    @property
    def key(self) -> str:
        """The hash of everything that a verdict depends on."""
        claim = self.claim
        quotes = [[each.quote.model_dump(), each.before] for each in self.candidates]
        parts = [claim.text, claim.kind.value, claim.context, claim.section, quotes]
        return hashlib.sha256(json.dumps(parts, ensure_ascii=False).encode()).hexdigest()


def case_of(
    claim: Claim, aliases: Iterable[str], sources: Mapping[str, Source], asked: Asked, quotation: str = ""
) -> Case:
    """Return the case of `claim`, which cites `aliases` and stands in a block quote that says `quotation`."""
    aliases = list(aliases)
    cited = [sources[alias] for alias in aliases if alias in sources]
    unknown = tuple(alias for alias in aliases if alias not in sources)
    if claim.kind is ClaimKind.HEADING and (
        needs_no_judge(claim.text, asked.questions)
        or (not unknown and is_place(claim.text, (source.passage for source in cited)))
    ):
        return Case(claim, examined=Examined(Support.SUPPORTED))
    if claim.kind is ClaimKind.HEADER and any(same_cells(claim.text, header) for header in cited_headers(cited)):
        return Case(claim, examined=Examined(Support.SUPPORTED))
    if not cited:
        fault = ClaimFault.UNKNOWN_ALIAS if unknown else ClaimFault.UNCITED
        return Case(claim, examined=Examined(Support.UNSUPPORTED, fault), unknown=unknown)
    most = 3 if len(cited) <= 3 else 2 if len(cited) <= 6 else 1
    near = [each for source in cited for each in candidates(claim.text, claim.context, source, asked.found, most)]
    quotes = tuple(near[:_MOST_QUOTES])
    assertion = Assertion(claim.text, claim.kind, claim.context, asked.question)
    examined = examine(assertion, [source.cited for source in cited], [each.words for each in quotes])
    if examined.verdict is not Support.SUPPORTED and not asked.judged:
        examined = _within_quotation(claim, quotation, cited) or examined
    if examined.spans and examined.verdict is None:
        places = tuple(_with_before(cited[n], *span) for n, span in examined.spans)
        return Case(claim, places, UNDECIDED, unknown)
    if examined.spans and asked.judged and (assertion.points_back or not _framed_alike(claim, cited, examined)):
        examined = UNDECIDED  # its words stand there, but may speak of something else: a judge sees both contexts
    return Case(claim, quotes, examined, unknown) if not examined.spans else _verbatim(claim, cited, examined, unknown)


def scored(case: Case) -> Claim:
    """Return the claim with the verdict of code; where code cannot tell, with the local scorer's probability.

    For runs without a judge. The scorer calls a claim `supported` or leaves it `unverified`; it rejects none.
    """
    claim = decided(case)
    # A row means nothing without its header, and a heading states nothing.
    if not case.open or not case.candidates or claim.kind is not ClaimKind.SENTENCE:
        return claim
    cited = {each.source.alias: each.source.cited for each in case.candidates}
    score = local_scorer().score(claim.text, list(cited.values()))
    if score is None:
        return claim
    rated = claim.model_copy(update={"score": round(score.probability, 3)})
    carrying = [each.quote for each in case.candidates if any(one in each.quote.quote for one in score.carriers)]
    shown = any(score.carriers[0] in quote.quote for quote in carrying)
    # What `it` is may differ: the scorer sees no context.
    if not score.supported or not shown or Assertion(claim.text, claim.kind, claim.context).points_back:
        return rated
    return rated.model_copy(update={"verdict": Support.SUPPORTED, "citations": merged(carrying)})


def decided(case: Case) -> Claim:
    """Return the claim with the verdict of code, `unverified` if code cannot tell."""
    claim, examined = case.claim, case.examined
    if examined.verdict is None:
        return claim.model_copy(update={"citations": _first_of_each(case)})
    if examined.verdict is Support.SUPPORTED:
        quotes = merged([each.quote for each in case.candidates])
        return claim.model_copy(update={"verdict": Support.SUPPORTED, "score": 1.0, "citations": quotes})
    update = {"verdict": examined.verdict, "fault": examined.fault, "citations": _first_of_each(case)}
    return claim.model_copy(update={**update, "reason": examined.fault.value if examined.fault else ""})


def judged(case: Case, verdict: JudgedClaim) -> Claim:
    """Return the claim with a judge's verdict. Citations that carry nothing are dropped, except from a failed claim."""
    update = {"verdict": verdict.verdict, "reason": verdict.reason, "fault": _FAULTS.get(verdict.verdict)}
    if verdict.verdict is not Support.SUPPORTED:
        return case.claim.model_copy(update={**update, "citations": _first_of_each(case)})
    carriers = [case.candidates[n] for n in verdict.carried]
    if foreign_addresses(case.claim.text, [each.words for each in carriers]):
        update = {"verdict": Support.UNSUPPORTED, "fault": ClaimFault.ADDRESS, "reason": ClaimFault.ADDRESS.value}
    return case.claim.model_copy(update={**update, "citations": merged([each.quote for each in carriers])})


def with_headers(claims: Sequence[Claim]) -> tuple[Claim, ...]:
    """Return `claims`, in their order in the draft, with the rows failed whose table has a failed header.

    A row is judged under its header. Without it, or under another one, it would say something else.
    """
    found: list[Claim] = []
    failed = False
    for claim in claims:
        failed = claim.verdict in _FAULTS if claim.kind is ClaimKind.HEADER else failed and claim.kind is ClaimKind.ROW
        if failed and claim.kind is ClaimKind.ROW and claim.verdict not in _FAULTS:
            update = {"verdict": Support.UNSUPPORTED, "fault": ClaimFault.HEADER, "reason": ClaimFault.HEADER.value}
            claim = claim.model_copy(update=update)
        found.append(claim)
    return tuple(found)


def _within_quotation(claim: Claim, quotation: str, cited: Sequence[Source]) -> Examined | None:
    """Return the verdict on a lead, a caption or an item within an excerpt that a passage holds as it is.

    For runs without a judge, who would see what stands around it.
    """
    if not quotation or claim.kind not in (ClaimKind.SENTENCE, ClaimKind.CODE):
        return None
    code = claim.kind is ClaimKind.CODE
    found = (quoted_span(claim.text, quotation, each.cited.text, each.cited.statements, code=code) for each in cited)
    spans = tuple((n, span) for n, span in enumerate(found) if span)
    return Examined(Support.SUPPORTED, spans=spans) if spans else None


def _framed_alike(claim: Claim, cited: Sequence[Source], examined: Examined) -> bool:
    """Whether what stands over the claim, its heading and the line that introduces its list, stands over the words
    that it copies too: "60 requests" of the free tier must not stand under the enterprise tier.
    """
    if claim.kind is ClaimKind.CODE:
        return True
    introduced = claim.context if claim.kind is ClaimKind.SENTENCE and claim.context.rstrip().endswith(":") else ""
    framing = set(stems(f"{'' if is_neutral(claim.section) else claim.section}\n{introduced}"))
    for n, (start, end) in examined.spans:
        source = cited[n].cited
        first = next((each for each in source.statements if each.start <= start < each.end), None)
        before = first.before if first else ""
        if first and first.item and not set(stems(before)) <= framing | set(stems(claim.text)):
            return False  # the list says of what or when its items hold, and the claim does not
        if not framing <= set(stems("\n".join([*source.names, before, source.text[start:end]]))):
            return False
    return True


def _with_before(source: Source, start: int, end: int) -> Candidate:
    """Return the candidate at `start:end` with the text above it, which may warn of it."""
    above = source.passage.text[:start].strip("`~ \t\n")[-_ABOVE_CHARS:]
    return Candidate(source, at_span(source, start, end).quote, above)


def _verbatim(claim: Claim, cited: Sequence[Source], examined: Examined, unknown: tuple[str, ...]) -> Case:
    spans: Sequence[tuple[int, Span]] = examined.spans
    return Case(claim, tuple(at_span(cited[n], *span) for n, span in spans), examined, unknown)


def cited_headers(cited: Iterable[Source]) -> set[str]:
    """Return the headers of the tables in the cited passages."""
    return {each.before for source in cited for each in source.cited.statements if each.row}


def _first_of_each(case: Case) -> tuple[Quote, ...]:
    """Return the best quote of each cited passage."""
    best = {each.quote.evidence_id: each.quote for each in reversed(case.candidates)}
    return tuple(dict.fromkeys(best[each.quote.evidence_id] for each in case.candidates))
