"""The published text: what is left of the draft, with numbered citations and masked personal data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from nodes.draft import Kept, PlainText, publish_draft, spellings
from state.addresses import addresses_in
from state.channels import ResearchState
from state.citation_marks import DRAFT_MARK
from state.endings import ending_text
from state.values import MASK, Claim, Draft, Mask, Passage, Quote, Status, Support

_SHORTEST_PART = 3
"""Least characters of a part of a masked string that is masked wherever it stands. A chosen value."""


@dataclass(frozen=True)
class Rendered:
    """The report's Markdown, its claims, and the number of each cited passage; all masked.

    The offsets of the claims are offsets into the Markdown. A heading shows no citations.
    """

    markdown: str
    claims: tuple[Claim, ...] = ()
    numbers: dict[str, int] = field(default_factory=dict)
    masks: tuple[Mask, ...] = ()
    secrets: tuple[str, ...] = ()

    def mask(self, text: str) -> str:
        """Return `text` with every masked string replaced by a block of the same length."""
        return mask_all(text, self.secrets)


def render_answer(claims: tuple[Claim, ...], passages: Mapping[str, Passage], state: ResearchState) -> Rendered:
    """Return the answer: the draft with every claim cut that is not among `claims`."""
    draft = state["draft"]
    if draft is None:
        return Rendered("")
    alias_of = {key: alias for alias, key in state.get("aliases", {}).items()}
    known = {(claim.start, claim.end): _known(claim, passages) for claim in claims}
    published = publish_draft(draft.markdown, {span: _kept(claim, passages, alias_of) for span, claim in known.items()})
    secrets = masked_strings(draft, state.get("masks", ()))
    # Masks are as long as what they hide: all offsets stay valid.
    markdown = mask_all(published.markdown, secrets)
    text = PlainText(markdown) if secrets else published.shown
    shown = [_shown(known[span], place, text.of(*place), secrets) for span, place in published.spans.items()]
    key_of = {alias_of.get(key, key): key for claim in known.values() for key in _cited_keys(claim)}
    numbers = {key_of[alias]: number for alias, number in published.numbers.items()}
    return Rendered(markdown, tuple(shown), numbers, find_masks(markdown, state), secrets)


def rendered_report(
    claims: tuple[Claim, ...], passages: Mapping[str, Passage], state: ResearchState, status: Status, reason: str
) -> Rendered:
    """Return the answer, or the text of a report without claims."""
    if not claims:
        return Rendered(ending_text(status, reason, state.get("refusal")))
    return render_answer(claims, passages, state)


def masked_strings(draft: Draft, masks: tuple[Mask, ...]) -> tuple[str, ...]:
    """Return the strings that must not be shown, longest first: a short one may be part of a longer one."""
    found = {form for mask in masks for form in _forms(draft.markdown[mask.start : mask.end])}
    return tuple(sorted(found, key=lambda form: (-len(form), form)))


def mask_all(text: str, secrets: tuple[str, ...]) -> str:
    """Return `text` with each of `secrets` replaced by block characters. Equal lengths keep all offsets valid."""
    for secret in filter(str.strip, secrets):
        text = text.replace(secret, MASK * len(secret))
    return text


def find_masks(markdown: str, state: ResearchState) -> tuple[Mask, ...]:
    """Return the masked spans of the published text, with the kind of the draft's masks, or `several`."""
    kinds = sorted({mask.kind for mask in state.get("masks", ())})
    masks: list[Mask] = []
    start = markdown.find(MASK) if kinds else -1
    while start >= 0:
        end = start
        while end < len(markdown) and markdown[end] == MASK:
            end += 1
        masks.append(Mask(start=start, end=end, kind=kinds[0] if len(kinds) == 1 else "several"))
        start = markdown.find(MASK, end)
    return tuple(masks)


def _forms(secret: str) -> Iterator[str]:
    """Yield the forms in which a masked string may be published: as it stands, without markup, escaped, in parts.

    A mark inside of it becomes a number and a line break may get another indent, so its parts are masked, too.
    """
    parts = [part.strip(" \t>") for piece in DRAFT_MARK.split(secret) for part in piece.split("\n")]
    for form in (secret, *(part for part in parts if len(part) >= _SHORTEST_PART)):
        yield from spellings(form)


def _kept(claim: Claim, passages: Mapping[str, Passage], alias_of: Mapping[str, str]) -> Kept:
    """Return how a claim is published. It may link what its quotes name, and its sources, if it shows them."""
    shown = claim.citations if claim.kind.states else ()
    cited = [quote.quote for quote in shown]
    sources = [passages[quote.evidence_id].source for quote in shown]
    return Kept(
        aliases=tuple(alias_of.get(key, key) for key in _cited_keys(claim)),
        unverified=claim.verdict is Support.UNVERIFIED,
        addresses=frozenset().union(*map(addresses_in, (*cited, *sources))),
    )


def _cited_keys(claim: Claim) -> tuple[str, ...]:
    return tuple(dict.fromkeys(quote.evidence_id for quote in claim.citations))


def _shown(claim: Claim, place: tuple[int, int], text: str, secrets: tuple[str, ...]) -> Claim:
    citations = tuple(
        Quote(evidence_id=q.evidence_id, start=q.start, end=q.end, quote=mask_all(q.quote, secrets))
        for q in claim.citations
    )
    update = {
        "text": text,
        "context": mask_all(claim.context, secrets),
        "section": mask_all(claim.section, secrets),
        "start": place[0],
        "end": place[1],
        "citations": citations if claim.kind.states else (),
    }
    return claim.model_copy(update=update)


def _known(claim: Claim, passages: Mapping[str, Passage]) -> Claim:
    known = tuple(quote for quote in claim.citations if quote.evidence_id in passages)
    return claim.model_copy(update={"citations": known})
