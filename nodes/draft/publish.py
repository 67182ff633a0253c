"""What is published of a draft: its Markdown with the failed claims cut, the marks numbered and the rest as it was."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from nodes.draft.assemble import Assembly
from nodes.draft.choice import Choice, Kept, Span, chosen
from nodes.draft.claims import read_draft
from nodes.draft.prepare import prepared_draft
from nodes.draft.rewrite import BEGIN, END, UNVERIFIED, escaped
from nodes.draft.seen import PlainText
from nodes.draft.stated import Stated
from state.addresses import address_key, address_spans
from state.values import ClaimKind

_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
_NAME = "###### "


@dataclass(frozen=True)
class Published:
    """A published text. `spans` maps the span of each claim in the draft to its span here, marks included.

    `numbers` are the numbers under which the aliases are cited.
    """

    markdown: str = ""
    spans: dict[Span, Span] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)
    shown: PlainText = field(default_factory=lambda: PlainText(""), compare=False)
    """What a reader sees of the text."""


def publish_draft(markdown: str, kept: Mapping[Span, Kept]) -> Published:
    """Return what is published of a prepared draft of which the claims in `kept` passed; the others are cut.

    Whatever remains was checked: the plain text of every span is its claim's, every number stands in a span, and no
    word stands outside of all spans. If markup does not survive a cut, the text is written without it.

    >>> from nodes.draft import draft_claims
    >>> draft = "It is so [E2]. Maybe not [E1].\\n\\n- No [E1]\\n- **Yes** [E2]"
    >>> kept = {(each.start, each.end): Kept(each.aliases) for each in draft_claims(draft) if each.aliases == ("E2",)}
    >>> publish_draft(draft, kept).markdown
    'It is so [1].\\n\\n- **Yes** [1]'
    """
    reading = read_draft(markdown.replace(BEGIN, "\ufffd").replace(END, "\ufffd"))
    choice = chosen(reading, kept)
    claims = [claim for claim in reading.claims if claim in choice.alive]
    for bare in (False, True):
        text, spans = _without_borders(Assembly(choice, bare=bare).text())
        seen = PlainText(text)
        if _holds(choice, claims, seen, len(text), spans):
            break
    else:
        text, spans = _without_borders(_flat(choice, claims))
        seen = PlainText(text)
    found = {(claim.start, claim.end): span for claim, span in zip(claims, spans, strict=True)}
    return Published(text, found, choice.numbers, seen)


def literal(text: str) -> str:
    """Return Markdown that shows one line of text as it stands.

    >>> literal("Sixty a minute."), literal("1. *Sixty*")
    ('Sixty a minute.', '1\\\\. \\\\*Sixty\\\\*')
    """
    line = " ".join(text.split())
    plain = PlainText(line)
    return line if plain.of(0, len(line)) == line and prepared_draft(line) == line else escaped(line)


def spellings(text: str) -> set[str]:
    """Return the ways in which a part of a draft may be written when it is published: as it is, plain, or escaped."""
    plain = PlainText(text)
    shown = {text, *filter(None, [plain.of(0, len(text))])}
    return {form for each in shown for form in (each, escaped(each), _all_escaped(each))}


def _without_borders(text: str) -> tuple[str, list[Span]]:
    """Return the text without the borders of its claims, and the spans that they enclosed."""
    parts = re.split(f"([{BEGIN}{END}])", text)
    spans: list[Span] = []
    at = start = 0
    for part in parts:
        if part == BEGIN:
            start = at
        elif part == END:
            spans.append((start, at))
        else:
            at += len(part)
    return "".join(part for part in parts if part not in (BEGIN, END)), spans


def _holds(choice: Choice, claims: list[Stated], seen: PlainText, length: int, spans: list[Span]) -> bool:
    """Whether a text of this length shows every claim and its numbers, and nothing else."""
    if len(spans) != len(claims):
        return False
    for claim, span in zip(claims, spans, strict=True):
        numbers = {number for _, _, number in seen.marks(*span)}
        if seen.of(*span) != claim.text or numbers != set(choice.citations(claim).values()):
            return False
    inside = sum(len(seen.marks(*span)) for span in spans)
    return inside == len(seen.marks(0, length)) and not any(seen.outside(spans))


def _flat(choice: Choice, claims: list[Stated]) -> str:
    """Return the claims alone, a paragraph or heading each, without any markup that could be read in another way."""
    return "\n\n".join(_alone(choice, claim) for claim in claims)


def _alone(choice: Choice, claim: Stated) -> str:
    numbers = "".join(f"[{number}]" for number in choice.citations(claim).values())
    notice = UNVERIFIED if claim.kind.states and choice.of(claim).unverified else ""
    if claim.kind is ClaimKind.CODE:
        fence = "`" * max([3, *(len(run) + 1 for run in re.findall("`+", claim.text))])
        return f"{BEGIN}{fence}\n{claim.text}\n{fence}\n\n{numbers}{END}{notice}"
    text = _literal(claim.text, choice.of(claim).addresses)
    return f"{'' if claim.kind.states else _NAME}{BEGIN}{text}{f' {numbers}' if numbers else ''}{END}{notice}"


def _literal(text: str, allowed: frozenset[str]) -> str:
    """Return Markdown that shows `text` as it stands, and an address that is not allowed as code."""
    parts: list[str] = []
    at = 0
    for start, end in address_spans(text):
        if address_key(text[start:end]) not in allowed:
            parts += [_all_escaped(text[at:start]), f"`{text[start:end]}`"]
            at = end
    return " ".join("".join([*parts, _all_escaped(text[at:])]).split())


def _all_escaped(text: str) -> str:
    return _PUNCTUATION.sub(r"\\\1", text).replace(r"\<", "&lt;")
