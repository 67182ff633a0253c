"""The published text: the draft's supported sentences with numbered citations and masked personal data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from state.channels import ResearchState
from state.values import Claim, ClaimKind, Draft, Mask, Passage, Quote, Status, Support

MASK = "█"


@dataclass(frozen=True)
class Rendered:
    """The report's Markdown, its claims, and the number of each cited passage; all masked."""

    markdown: str
    claims: tuple[Claim, ...] = ()
    numbers: dict[str, int] = field(default_factory=dict)
    masks: tuple[Mask, ...] = ()
    secrets: tuple[str, ...] = ()

    def mask(self, text: str) -> str:
        """Return `text` with every masked string replaced by a block of the same length."""
        return mask_all(text, self.secrets)


def render_answer(claims: tuple[Claim, ...], passages: Mapping[str, Passage], state: ResearchState) -> Rendered:
    """Return the answer: `claims` in the draft's order, under its headings."""
    draft = state["draft"]
    secrets = masked_strings(draft, state.get("masks", ())) if draft else ()
    claims = tuple(claim for claim in claims if claim.kind is not ClaimKind.HEADING)
    kept = [claim.model_copy(update={"citations": known}) for claim in claims if (known := _known(claim, passages))]
    numbers = number_citations(kept)
    parts: list[str] = []
    section = ""
    for claim in kept:
        if claim.section != section:
            parts += [f"## {claim.section}"] if claim.section else []
            section = claim.section
        parts.append(_sentence(claim, numbers))
    markdown = mask_all("\n\n".join(parts), secrets)
    return Rendered(
        markdown, tuple(_masked(claim, secrets) for claim in kept), numbers, find_masks(markdown, state), secrets
    )


def number_citations(claims: list[Claim]) -> dict[str, int]:
    """Return the number of each cited evidence id, counted from 1 in the order of first citation."""
    keys = dict.fromkeys(quote.evidence_id for claim in claims for quote in claim.citations)
    return {key: number for number, key in enumerate(keys, 1)}


def refusal_text(status: Status, reason: str, state: ResearchState) -> str:
    """Return the text of a report without claims."""
    refusal = state.get("refusal")
    if status is Status.REFUSED and refusal:
        return (
            f"The {refusal.stage} was refused by the policy `{refusal.policy}` ({refusal.category}): {refusal.reason}"
        )
    if status is Status.ABSTAINED:
        return "There is not enough information in the corpus to answer this question."
    return f"The run stopped before it had an answer that could be published: `{reason}`."


def masked_strings(draft: Draft, masks: tuple[Mask, ...]) -> tuple[str, ...]:
    """Return the strings that must not be shown, longest first: a short one may be part of a longer one."""
    return tuple(sorted({draft.markdown[mask.start : mask.end] for mask in masks}, key=len, reverse=True))


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


def _sentence(claim: Claim, numbers: dict[str, int]) -> str:
    cited = "".join(f"[{number}]" for number in dict.fromkeys(numbers[quote.evidence_id] for quote in claim.citations))
    doubt = " *(unverified)*" if claim.verdict is Support.UNVERIFIED else ""
    return f"{claim.text} {cited}{doubt}"


def _masked(claim: Claim, secrets: tuple[str, ...]) -> Claim:
    citations = tuple(
        Quote(evidence_id=q.evidence_id, start=q.start, end=q.end, quote=mask_all(q.quote, secrets))
        for q in claim.citations
    )
    return claim.model_copy(update={"text": mask_all(claim.text, secrets), "citations": citations})


def _known(claim: Claim, passages: Mapping[str, Passage]) -> tuple[Quote, ...]:
    return tuple(quote for quote in claim.citations if quote.evidence_id in passages)
