"""What is shown of a passage, and how parts of it are withheld: character by character, so that offsets stay valid."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate

from state.values import MASK, Mask, Passage

# White space and the ends of sentences stay: the sentences around a withheld one remain whole.
_HIDES = re.compile(r"[^\s.!?]")


@dataclass(frozen=True)
class Part:
    """A part of a passage, and where it stands in `shown_text`."""

    text: str
    start: int

    @property
    def end(self) -> int:
        """The offset behind it."""
        return self.start + len(self.text)

    def touches(self, span: Mask) -> bool:
        """Whether `span` overlaps it."""
        return span.start < self.end and self.start < span.end


def shown_text(passage: Passage) -> str:
    """Return everything of `passage` that a prompt or a report shows, each part on a line of its own."""
    return "\n".join(part.text for part in parts_of(passage))


def parts_of(passage: Passage) -> list[Part]:
    """Return the parts of `passage` in the order of `shown_text`: source, title, headings and, last, its text."""
    # The headings stand before the text: an order may begin in a heading and end in the text below it.
    texts = [passage.source, passage.title, *passage.heading_path, passage.text]
    starts = accumulate((len(text) + 1 for text in texts), initial=0)
    return [Part(text, start) for text, start in zip(texts, starts, strict=False)]


def withheld_from(passage: Passage, masks: Iterable[Mask]) -> Passage:
    """Return `passage` with the characters inside `masks`, which are offsets into `shown_text`, replaced by blocks."""
    spans = tuple(masks)
    if not spans:
        return passage
    source, title, *headings, text = (_blanked(part, spans) for part in parts_of(passage))
    update = {"source": source, "title": title, "heading_path": tuple(headings), "text": text}
    return passage.model_copy(update=update)


def _blanked(part: Part, spans: Iterable[Mask]) -> str:
    text = part.text
    for start, end in _inside(part, spans):
        text = f"{text[:start]}{_HIDES.sub(MASK, text[start:end])}{text[end:]}"
    return text


def _inside(part: Part, spans: Iterable[Mask]) -> Iterator[tuple[int, int]]:
    for span in spans:
        if part.touches(span):
            yield max(span.start - part.start, 0), min(span.end - part.start, len(part.text))
