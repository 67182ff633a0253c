"""A chat model as judge: one call for all claims of a draft that code cannot decide, more only if they do not fit."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from string import ascii_lowercase
from typing import TypeVar

from langchain_core.messages import BaseMessage
from langgraph.runtime import Runtime

from gateway.metering import counted_chars
from nodes.collaborators import Collaborators, context_of
from nodes.judge.cases import Case
from nodes.prompts.judge import ClaimToJudge, QuoteToJudge, claim_fields, judge_messages
from nodes.prompts.reviewer import judged_review_messages
from state.channels import ResearchContext, ResearchState
from state.errors import ContentRefused, DependencyUnavailable, ModelOutputInvalid, PromptTooLong
from state.roles import ClaimVerdict, JudgedReview, Verdicts
from state.values import DraftReview, Event, JudgedClaim, ReviewFinding, Role, Support

Answer = TypeVar("Answer", bound=Verdicts)

OUTAGES = (
    DependencyUnavailable,
    ContentRefused,
    ModelOutputInvalid,
    PromptTooLong,
    ConnectionError,
    TimeoutError,
)
"""Errors of a judge that leave a claim `unverified`: the draft is paid for, and the report says what is missing.

`BudgetExceeded` is not among them: it ends the run.
"""

VERDICT_TOKENS = 70
"""Estimate of the answer to one claim: ids, verdict and a reason of one sentence are about 200 characters."""

REVIEW_TOKENS = 500
"""Estimate of the review in the same answer: a few findings of one sentence each."""

_TELLING_CLAIMS = 3
_TELLING_QUOTES = 6
"""A judge that treats so many claims and quotes alike does not seem to tell them apart. Chosen values."""


@dataclass
class Judged:
    """The verdicts by claim id, the review if it came in the same answer, and what the report tells about the judge."""

    verdicts: dict[str, JudgedClaim] = field(default_factory=dict)
    review: DraftReview | None = None
    events: list[Event] = field(default_factory=list)

    def tell(self, kind: str, detail: str) -> None:
        """Add an event. Details are counts, ids and codes, never a model's words."""
        self.events.append(Event(node="verifier", kind=kind, detail=detail))


class ModelJudge:
    """Judges the open cases of one draft. If the reviewer's model judges, the review comes in the same answer."""

    def __init__(
        self,
        collaborators: Collaborators,
        runtime: Runtime[ResearchContext],
        state: ResearchState,
        model_id: str,
    ) -> None:
        self._to, self._runtime, self._state = collaborators, runtime, state
        self._reviews = model_id == collaborators.gateway.model_id(Role.REVIEWER, context_of(runtime))

    async def judge(self, cases: Sequence[Case]) -> Judged:
        """Return the verdicts on `cases`. A case without one stays `unverified`."""
        judged = Judged()
        context = context_of(self._runtime)
        left = await self._to.rounds_left(self._runtime, context.max_revisions - self._state.get("revisions", 0))
        batches = self._batches(cases, left, judged)
        if not batches:
            return judged
        if self._reviews and len(batches) == 1:
            await self._ask_for_review(batches[0], left, judged)
        else:
            await self._ask_all(batches, judged)
        _tell_of(cases, judged)
        return judged

    async def _ask_all(self, batches: Sequence[Sequence[Case]], judged: Judged) -> None:
        """Ask for each of `batches` at once. If one fails the run, the others end too: nobody would read them."""
        try:
            async with asyncio.TaskGroup() as group:
                for batch in batches:
                    group.create_task(self._ask(batch, judged))
        except ExceptionGroup as failed:  # the graph's error handlers know single errors; the others say the same
            raise failed.exceptions[0] from None

    async def _ask(self, batch: Sequence[Case], judged: Judged) -> None:
        answer = await self._answer(
            Role.JUDGE, Verdicts, judge_messages(self._state, [to_judge(case) for case in batch]), batch, judged
        )
        if answer is not None:
            _read(answer.verdicts, batch, judged)

    async def _ask_for_review(self, batch: Sequence[Case], left: int, judged: Judged) -> None:
        messages = self._review_prompt([to_judge(case) for case in batch], left)
        answer = await self._answer(Role.REVIEWER, JudgedReview, messages, batch, judged)
        if answer is None:
            return
        _read(answer.verdicts, batch, judged)
        draft = self._state["draft"]
        findings = (ReviewFinding(**found.model_dump()) for found in answer.findings)
        judged.review = DraftReview(
            draft_hash=draft.hash if draft else "", verdict=answer.verdict, findings=tuple(findings)
        )

    async def _answer(
        self, role: Role, schema: type[Answer], messages: Sequence[BaseMessage], batch: Sequence[Case], judged: Judged
    ) -> Answer | None:
        """Return the judge's answer; `None`, and an event, if it cannot be had."""
        try:
            return await self._to.ask(self._runtime, role, schema, messages)
        except OUTAGES as error:
            judged.tell("judge_unavailable", f"{_code(error)}: {len(batch)} claims are unverified")
            return None

    def _review_prompt(self, claims: Sequence[ClaimToJudge], left: int) -> list[BaseMessage]:
        return judged_review_messages(self._state, context_of(self._runtime), claims, left)

    def _batches(self, cases: Sequence[Case], left: int, judged: Judged) -> list[list[Case]]:
        """Return the cases in as few parts as prompt and answer allow."""
        if self._reviews:
            room, answer = self._room(Role.REVIEWER, self._review_prompt([], left))
            whole = batched(cases, room, answer - REVIEW_TOKENS)
            if len(whole) == 1 and len(whole[0]) == len(cases):
                return whole
        parts = batched(cases, *self._room(Role.JUDGE, judge_messages(self._state, [])))
        lost = len(cases) - sum(map(len, parts))
        if lost:
            judged.tell("judge_room", f"{lost} claims do not fit into the judge's context window and are unverified")
        return parts

    def _room(self, role: Role, prompt: Sequence[BaseMessage]) -> tuple[int, int]:
        """Return how many characters of claims fit besides `prompt`, and how many tokens the answer may have."""
        room = self._to.evidence_room(self._runtime, role, prompt)
        return room, self._to.gateway.output_tokens(role, context_of(self._runtime))


def to_judge(case: Case) -> ClaimToJudge:
    """Return the case as the judge's prompt shows it."""
    claim = case.claim
    quotes = (
        QuoteToJudge(
            id=f"{claim.id}{letter}",
            evidence=each.source.alias,
            source=each.source.name,
            before=each.before,
            quote=each.quote.quote,
            untrusted=each.source.untrusted,
        )
        for letter, each in zip(ascii_lowercase, case.candidates, strict=False)
    )
    return ClaimToJudge(
        id=claim.id,
        text=claim.text,
        kind=claim.kind,
        context=claim.context,
        section=claim.section,
        quotes=tuple(quotes),
    )


def batched(cases: Iterable[Case], room: int, answer_tokens: int) -> list[list[Case]]:
    """Return `cases` in parts whose claims take `room` characters and whose verdicts take `answer_tokens` at most.

    A case that is too long alone loses its last quotes, and is left out if it does not fit with one.
    """
    most = max(1, answer_tokens // VERDICT_TOKENS)
    parts: list[list[Case]] = []
    free = 0
    for case in cases:
        fitting = _fitting(case, room)
        if fitting is None:
            continue
        size = _size(fitting)
        if not parts or size > free or len(parts[-1]) >= most:
            parts.append([])
            free = room
        parts[-1].append(fitting)
        free -= size
    return parts


def read_verdict(case: Case, given: ClaimVerdict) -> JudgedClaim:
    """Return the judge's verdict on a case, `unverified` if it says `supported` and does not say by which quote."""
    named = {each.strip("[]` ").casefold() for each in given.carried_by}
    ids = [f"{case.claim.id}{letter}" for letter, _ in zip(ascii_lowercase, case.candidates, strict=False)]
    by = (
        n
        for n, (key, each) in enumerate(zip(ids, case.candidates, strict=False))
        if key in named or each.source.alias.casefold() in named
    )
    carried = tuple(by) or ((0,) if len(ids) == 1 and not named else ())
    if given.verdict is Support.SUPPORTED and not carried:
        return JudgedClaim(verdict=Support.UNVERIFIED, reason=given.reason)
    return JudgedClaim(
        verdict=given.verdict,
        carried=carried if given.verdict is Support.SUPPORTED else (),
        reason=given.reason,
    )


def _read(given: Sequence[ClaimVerdict], batch: Sequence[Case], judged: Judged) -> None:
    """Add the verdicts on the cases of `batch`. A claim with two different verdicts has none."""
    by_id = {case.claim.id: case for case in batch}
    read: dict[str, set[JudgedClaim]] = {}
    for each in given:
        key = each.claim.strip("[]` ").casefold()
        if key in by_id:
            read.setdefault(key, set()).add(read_verdict(by_id[key], each))
    foreign = len({each.claim for each in given if each.claim.strip("[]` ").casefold() not in by_id})
    if foreign:
        judged.tell("judge_off_topic", f"{foreign} verdicts on claims that it was not asked about")
    unclear = [key for key, verdicts in read.items() if len({each.verdict for each in verdicts}) > 1]
    if unclear:
        judged.tell("judge_unclear", f"different verdicts on one claim: {', '.join(unclear)}")
    silent = [key for key in by_id if key not in read]
    if silent:
        judged.tell("judge_silent", f"no verdict on {len(silent)} of {len(batch)} claims, which are unverified")
    judged.verdicts |= {key: _joined(verdicts) for key, verdicts in read.items() if key not in unclear}


def _joined(verdicts: set[JudgedClaim]) -> JudgedClaim:
    """Return one verdict for several equal ones, which may name different quotes."""
    first = min(verdicts, key=lambda each: (each.carried, each.reason))
    return first.model_copy(update={"carried": tuple(sorted({n for each in verdicts for n in each.carried}))})


def _tell_of(cases: Sequence[Case], judged: Judged) -> None:
    """Tell of a judge that does not tell claims apart. Its verdicts count all the same: code cannot know better."""
    verdicts = [judged.verdicts[case.claim.id] for case in cases if case.claim.id in judged.verdicts]
    if len(verdicts) < max(_TELLING_CLAIMS, len(cases)):
        return
    quotes = sum(len(case.candidates) for case in cases)
    said = {each.verdict for each in verdicts}
    if said <= {Support.UNSUPPORTED, Support.CONTRADICTED}:
        judged.tell("judge_rejects_all", f"it rejects all {len(verdicts)} claims that it was asked about")
    elif said == {Support.UNVERIFIED}:
        judged.tell("judge_decides_nothing", f"it verifies none of the {len(verdicts)} claims that it was asked about")
    elif said == {Support.SUPPORTED} and sum(len(each.carried) for each in verdicts) == quotes >= _TELLING_QUOTES:
        judged.tell("judge_accepts_all", f"it says that every one of {quotes} quotes carries its claim")


def _fitting(case: Case, room: int) -> Case | None:
    while case.candidates and _size(case) > room:
        case = replace(case, candidates=case.candidates[:-1])
    return case if case.candidates else None


def _size(case: Case) -> int:
    """Return the size of a claim in the prompt, counted as `evidence_room` counts: not every character is one."""
    return counted_chars(json.dumps(claim_fields([to_judge(case)]), ensure_ascii=False))


def _code(error: BaseException) -> str:
    return str(getattr(error, "code", "") or type(error).__name__)


def known(cases: Iterable[Case], earlier: Mapping[str, JudgedClaim]) -> dict[str, JudgedClaim]:
    """Return, by claim id, the verdicts that an earlier draft of the run got on the same claim and quotes."""
    return {case.claim.id: earlier[case.key] for case in cases if case.key in earlier}
