"""Screens passages, for runs and for searches alike: which of them nobody may read, and which parts of the others.

Title, headings and source are screened with the text: they are shown with it, and whoever wrote the document, or only
named its file, chose them. A passage that a guard refuses is dropped. One that a guard flags is fenced: it stays, but
the parts that led to it are withheld, so that nobody reads them and nobody who obeys them can quote them.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pydantic import Field

from policy.chain import GuardChain
from policy.verdict import GUARD_UNAVAILABLE, Action, Screening, Stage, Verdict, strictest
from policy.withheld import parts_of, shown_text, withheld_from
from state.errors import GuardUnavailable
from state.values import Mask, Passage, Value


class FoundPassage(Passage):
    """A passage that a search found."""

    flagged: str = Field(
        "", description="The category for which a guard flagged it, if one did: blocks stand for what led to it."
    )


class SafePassages(Value):
    """Passages that a reader may see, best first."""

    passages: tuple[FoundPassage, ...] = ()
    left_out: dict[str, int] = Field(
        default_factory=dict, description="How many passages a guard refused, by category: they are left out."
    )


@dataclass(frozen=True)
class ScreenedPassages:
    """What guards say about some passages, by evidence id: the category of each that is dropped, fenced or redacted.

    `withheld` are the parts that nobody may read of those that stay, as offsets into `shown_text`.
    """

    dropped: Mapping[str, str] = field(default_factory=dict)
    fenced: Mapping[str, str] = field(default_factory=dict)
    redacted: Mapping[str, str] = field(default_factory=dict)
    withheld: Mapping[str, tuple[Mask, ...]] = field(default_factory=dict)

    @property
    def unread(self) -> tuple[str, ...]:
        """The dropped passages to which no guard objects: one of them could not answer."""
        return tuple(key for key, category in self.dropped.items() if category == GUARD_UNAVAILABLE)


async def safe_passages(guards: GuardChain, found: Iterable[Passage]) -> SafePassages:
    """Return what a reader outside of a run may see of `found`: what a model of a run would see, and some more.

    Id, metadata and other places are a document's own words too. Where a guard objects to them, they are left out or
    withheld.

    Raises:
        GuardUnavailable: nothing is left because a guard could not answer.
    """
    passages = list(found)
    screened = await screen_passages(guards, passages)
    if screened.unread and len(screened.dropped) == len({each.evidence_id for each in passages}):
        raise GuardUnavailable("no passage could be screened: a guard gave no verdict")
    stay = [each for each in passages if each.evidence_id not in screened.dropped]
    texts = sorted({_told(each) for each in stay})  # the passages of one document share theirs
    told = dict(zip(texts, await asyncio.gather(*(_screened(guards, text) for text in texts)), strict=True))
    shown = tuple(_shown(each, screened, told[_told(each)]) for each in stay)
    return SafePassages(passages=shown, left_out=dict(sorted(Counter(screened.dropped.values()).items())))


def _shown(passage: Passage, screened: ScreenedPassages, told: Screening) -> FoundPassage:
    """Return a passage that stays; `told` is what the guards say of its id and metadata."""
    shown = withheld_from(passage, screened.withheld.get(passage.evidence_id, ()))
    objections = _said(told, Action.FLAG, Action.REDACT, Action.REFUSE)
    own_id = _own_id(passage)
    # A verdict on the metadata alone says nothing against the id.
    names_id = any(not each.spans or any(span.start < len(own_id) for span in each.spans) for each in objections)
    suspected = _said(told, Action.FLAG, Action.REFUSE)
    return FoundPassage(
        **{
            **shown.model_dump(),
            "document_id": passage.document_id if own_id and not names_id else shown.source,
            "metadata": {} if objections else passage.metadata,
            "also_in": () if objections else passage.also_in,
        },
        flagged=screened.fenced.get(passage.evidence_id) or (_why(strictest(suspected)) if suspected else ""),
    )


def _own_id(passage: Passage) -> str:
    """Return the id of the document, unless it is the source, which is screened with the passage."""
    return "" if passage.document_id == passage.source else passage.document_id


def _told(passage: Passage) -> str:
    metadata = (f"{key}: {value}" for key, value in passage.metadata.items())
    elsewhere = {name: None for each in passage.also_in for name in (each.source, each.document_id)}
    return "\n".join([_own_id(passage), *metadata, *elsewhere])


async def screen_passages(
    guards: GuardChain, passages: Iterable[Passage], *, kept: Iterable[Passage] = (), dropped: Iterable[Passage] = ()
) -> ScreenedPassages:
    """Return what the guards say about `passages`.

    A heading belongs to every passage below it, and a title to the whole document. So a name that led to a refusal is
    withheld from the other passages of its document, too.

    Args:
        guards: the guards of a run.
        passages: those to screen.
        kept: passages that passed before in the same run.
        dropped: passages that were dropped before in the same run.
    """
    fresh = list({each.evidence_id: each for each in passages}.values())
    every = [*fresh, *dropped]
    screened = await asyncio.gather(*(_screened(guards, shown_text(each)) for each in every))
    of = {each.evidence_id: screening for each, screening in zip(every, screened, strict=True)}
    refused = [(each, why) for each in every if (why := _refusal(of[each.evidence_id]))]
    found = await asyncio.gather(*(_tainted(guards, *each) for each in refused))
    tainted = {key: category for each in found for key, category in each.items()}
    gone = {each.evidence_id: _why(why) for each, why in refused}
    stay = [each for each in fresh if each.evidence_id not in gone]
    flagged = {each.evidence_id: _suspicious(each, of[each.evidence_id]) for each in stay}
    shared = {each.evidence_id: _shared(each, tainted) for each in (*stay, *kept)}
    fences = {key: masks for key in shared if (masks := (*flagged.get(key, ()), *shared[key]))}
    redacted = {each.evidence_id: of[each.evidence_id] for each in stay if of[each.evidence_id].masks}
    return ScreenedPassages(
        dropped={each.evidence_id: gone[each.evidence_id] for each in fresh if each.evidence_id in gone},
        fenced={key: masks[0].kind for key, masks in fences.items()},
        redacted={key: _why(strictest(_said(each, Action.REDACT))) for key, each in redacted.items()},
        withheld={
            key: (*fences.get(key, ()), *(redacted[key].masks if key in redacted else ()))
            for key in shared
            if key in fences or key in redacted
        },
    )


async def _screened(guards: GuardChain, text: str) -> Screening:
    return await guards.screen(text, Stage.EVIDENCE)


def _refusal(screening: Screening) -> Verdict | None:
    """Return the verdict for which a passage is dropped: a refusal, or a flag that does not say where."""
    if screening.verdict.action is Action.REFUSE:
        return screening.verdict
    flags = _said(screening, Action.FLAG)
    return next((each for each in flags if all(span.start == span.end for span in each.spans)), None)


def _why(verdict: Verdict) -> str:
    return verdict.category or verdict.policy


def _said(screening: Screening, *actions: Action) -> tuple[Verdict, ...]:
    return tuple(each for each in screening.verdicts if each.action in actions)


def _suspicious(passage: Passage, screening: Screening) -> list[Mask]:
    """Return the parts for which guards flag `passage`: in its text all of them, and names that are suspicious alone.

    A window over names and text says nothing against the names: they stand over innocent passages, too.
    """
    verdicts = _said(screening, Action.FLAG)
    flags = [span.model_copy(update={"kind": _why(each)}) for each in verdicts for span in each.spans]
    text = parts_of(passage)[-1]
    in_text = [span.model_copy(update={"start": max(span.start, text.start)}) for span in flags if text.touches(span)]
    return [*in_text, *_among_names(passage, flags)]


def _among_names(passage: Passage, spans: Iterable[Mask]) -> list[Mask]:
    """Return the spans that lie among the names alone, without those that hold a smaller one."""
    text = parts_of(passage)[-1]
    inside = [span for span in spans if span.end <= text.start]
    return [span for span in inside if not any(_within(other, span) for other in inside)]


def _within(span: Mask, other: Mask) -> bool:
    return other.start <= span.start and span.end <= other.end and (span.start, span.end) != (other.start, other.end)


async def _tainted(guards: GuardChain, passage: Passage, refusal: Verdict) -> dict[tuple[str, str], str]:
    """Return the names that are refused by themselves, or else those without which `passage` would not be."""
    *names, text = parts_of(passage)
    alone = _among_names(passage, refusal.spans)
    guilty = [each.text for each in names if any(each.touches(span) for span in alone)]
    touched = [each.text for each in names if any(each.touches(span) for span in refusal.spans)]
    if touched and not guilty and _refusal(await _screened(guards, text.text)) is None:
        tried = await asyncio.gather(*(_screened(guards, f"{name}\n{text.text}") for name in touched))
        guilty = [name for name, each in zip(touched, tried, strict=True) if _refusal(each)] or touched
    return {(passage.document_id, name): _why(refusal) for name in guilty}


def _shared(passage: Passage, tainted: Mapping[tuple[str, str], str]) -> list[Mask]:
    """Return the names of `passage` that led to the refusal of another one of its document."""
    return [
        Mask(start=part.start, end=part.end, kind=category)
        for part in parts_of(passage)[:-1]
        if (category := tainted.get((passage.document_id, part.text))) is not None
    ]
