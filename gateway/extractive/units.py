"""What is quoted of a passage: a paragraph, a list with its lead, rows with their header, code with its introduction.

A sentence alone says too little: the remedy stands below the cause, the items below the line that introduces them. So
a sentence that answers is quoted within its unit, and units that follow each other are quoted as one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from gateway.extractive.blocks import COLON, ITEM, Block, blocks_of, inset
from gateway.extractive.entries import entry_end
from gateway.extractive.ranking import words
from state.evidence_block import EvidenceItem
from state.sentences import sentences

Span = tuple[int, int]
UnitKind = Literal["prose", "list", "table", "code", "error"]

_LONGEST = 900  # characters of a paragraph that is quoted whole; a chosen value
_LONGEST_GROUP = 1600  # of a list, a table or an entry with its lead; a longer one is cut between its parts
_LONGEST_LEAD = 500  # of the paragraph before a list, a table or code that is quoted with it
_FEWEST_WORDS = 4  # of a sentence of prose; shorter ones are headings and captions
_FEWEST_CELL_WORDS = 2  # of an item or a row
_SHORT_LEAD = 4  # words of a lead such as "For example:", which says nothing without the paragraph before it
_LONGEST_SENTENCE = 700  # longer "sentences" are tables or lists that lost their line breaks

_MARKER = re.compile(r"\[E?\d+\]|⟦|[\x00-\x08\ufffe\ufffd]")
_NUMBER = re.compile(r"[ \t]*(\d{1,3})[.)][ \t]")
_ASKS = re.compile(r"[?？][\"'”’»)\]*_`]*\s*\Z")
_WORDS = re.compile(r"\w+")
_DANGLING = re.compile(
    r"[\"'“„«(]*(?:(?:it|its|they|their|this|that|these|those|such|he|she|his|her|both|otherwise|then|however|therefore"
    r"|also|so|thus|instead|here|there|dies|diese[rsnm]?|dadurch|damit|dabei|er|sie|es|cela|ceci|ils?|elles?|esto|eso"
    r"|estos|estas)\b|ce (?:qui|dernier)\b|the (?:former|latter|same)\b)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Unit:
    """What is quoted together of a passage: `start:end` of the text of `item`.

    `sentences` are the spans that can be marked as what answers; code has none. `lead` is what introduces the rest of
    the unit: the last sentence above a list or code, the caption of a table. It stands in the unit.
    """

    item: EvidenceItem
    start: int
    end: int
    kind: UnitKind
    sentences: tuple[Span, ...] = ()
    lead: str = ""

    @property
    def text(self) -> str:
        """What is quoted."""
        return self.item.text[self.start : self.end]


class Marked(NamedTuple):
    """A unit, and the sentence in it that answers."""

    unit: Unit
    sentence: Span


@dataclass(frozen=True)
class Excerpt:
    """What is quoted of a passage for some sentences, which are marked in it: `start:end` of the text of `item`."""

    item: EvidenceItem
    start: int
    end: int
    marked: tuple[Span, ...]

    @property
    def text(self) -> str:
        """What is quoted."""
        return self.item.text[self.start : self.end]


def units_of(item: EvidenceItem) -> tuple[Unit, ...]:
    """Return the units of a passage in reading order. Headings, adornments and captions are none.

    >>> text = "Limits\\n\\nThe tiers are:\\n\\n- Free: 60 a minute.\\n- Paid: 600 a minute."
    >>> [(unit.kind, unit.lead) for unit in units_of(EvidenceItem(alias="E1", title="Limits", text=text))]
    [('list', 'The tiers are:')]
    """
    text = item.text
    blocks = blocks_of(item)
    found = sentences(text)
    units: list[Unit] = []
    at = 0
    while at < len(blocks):
        after, kind = _group(text, blocks, at)
        if kind is not None:
            units += _units(item, blocks[at:after], kind, found)
        at = after
    return tuple(units)


def excerpts(chosen: Iterable[Marked]) -> tuple[Excerpt, ...]:
    """Return what is quoted for the chosen sentences, best first, each within its unit.

    Where one excerpt ends and the next one begins, they are one, which takes the place of the better one. What the
    marked sentence refers back to is quoted with it.
    """
    found: list[Excerpt] = []
    for each in chosen:
        start, end = _around(each)
        new = Excerpt(each.unit.item, start, end, (each.sentence,))
        near = [other for other in found if _joins(other, new)]
        if not near:
            found.append(new)
            continue
        for other in near[1:]:
            found.remove(other)
        found[found.index(near[0])] = _joined([*near, new])
    return tuple(found)


def _joins(one: Excerpt, other: Excerpt) -> bool:
    """Whether two excerpts overlap, or only white space stands between them."""
    if one.item.alias != other.item.alias:
        return False
    first, second = sorted((one, other), key=lambda each: each.start)
    return not one.item.text[first.end : second.start].strip()


def _joined(parts: Sequence[Excerpt]) -> Excerpt:
    marked = tuple(dict.fromkeys(span for part in parts for span in part.marked))
    start, end = min(part.start for part in parts), max(part.end for part in parts)
    return Excerpt(parts[0].item, start, end, marked)


def _around(marked: Marked) -> Span:
    """Return what is quoted of a unit: all of it, or whole sentences around the marked one if it is long."""
    unit, (start, end) = marked
    first, last = unit.start, unit.end
    if unit.kind == "prose" and last - first > _LONGEST:
        first, last = _window(unit, start, end)
    if unit.kind == "prose":
        last = _without_lead(unit.item.text, end, last)
    if start == first and dangles(unit.item.text[start:end]):
        first = _before(unit, first, last)
    return first, last


def _without_lead(text: str, end: int, last: int) -> int:
    """Return `last`, or where the sentence before ends, if the last one after `end` introduces what is not there."""
    spans = [span for span in sentences(text) if end <= span[0] and span[1] <= last]
    if not spans or not COLON.search(text[slice(*spans[-1])]):
        return last
    return spans[-2][1] if len(spans) > 1 else end


def _window(unit: Unit, start: int, end: int) -> Span:
    """Return whole sentences around `start:end`: the one before, then those after, then more of those before."""
    spans = [span for span in sentences(unit.item.text) if unit.start <= span[0] and span[1] <= unit.end]
    at = next((n for n, span in enumerate(spans) if span[0] <= start < span[1]), None)
    if at is None:
        return start, end
    first = last = at
    room = _LONGEST - (end - start)
    before, after = [*reversed(range(at))], [*range(at + 1, len(spans))]
    for n in (*before[:1], *after, *before[1:]):
        room -= spans[n][1] - spans[n][0] + 1
        if room < 0:
            break
        first, last = min(first, n), max(last, n)
    return spans[first][0], spans[last][1]


def dangles(text: str) -> bool:
    """Return whether a sentence begins with a word such as `it`, which means nothing without the one before."""
    return bool(_DANGLING.match(text))


def _before(unit: Unit, start: int, end: int) -> int:
    """Return where the sentence begins that stands before `start`, or the code or list that stands there."""
    label = _label_above(unit.item, start)
    if label is not None:
        return label
    above = [each for each in units_of(unit.item) if each.start < start]
    if not above:
        return start
    if above[-1].end > start or above[-1].kind == "prose":
        spans = [span for span in sentences(unit.item.text) if above[-1].start <= span[0] and span[1] <= start]
        return spans[-1][0] if spans else start
    return above[-1].start if end - above[-1].start <= _LONGEST_GROUP else start


def _label_above(item: EvidenceItem, start: int) -> int | None:
    """Return where the heading begins that stands right above `start`: it names what the words below it speak of.

    `None` if there is none, or if it is the title or a heading of the passage, which stand above every excerpt.
    """
    above = [block for block in blocks_of(item) if block.start < start]
    if not above or above[-1].kind != "heading" or above[-1].end > start:
        return None
    said = " ".join(item.text[above[-1].start : above[-1].end].split()).casefold()
    known = said in (" ".join(name.split()).casefold() for name in (item.title, *item.heading_path))
    return None if known else above[-1].start


def _group(text: str, blocks: Sequence[Block], at: int) -> tuple[int, UnitKind | None]:
    """Return the index after the blocks that belong to the one at `at`, and their kind; `None` for a heading."""
    if after := entry_end(text, blocks, at):
        return after, "error"
    if after := _after_unmarked(text, blocks, at):
        return after, "list"
    first = _after_leads(text, blocks, at)
    if first < len(blocks) and blocks[first].kind in ("item", "row", "code"):
        kind = blocks[first].kind
        if kind == "item":
            after = _after_items(text, blocks, first)
            only_code = sum(block.kind == "item" for block in blocks[first:after]) == 1
            return after, "code" if only_code and blocks[after - 1].kind == "code" else "list"
        after = first
        while after < len(blocks) and blocks[after].kind == kind:
            after += 1
        return after, "table" if kind == "row" else "code"
    return at + 1, "prose" if blocks[at].kind == "prose" else None


def _after_unmarked(text: str, blocks: Sequence[Block], at: int) -> int:
    """Return the index after paragraphs, and code below them, that a line with a colon introduces; 0 if none does.

    Some documents show no marks of their lists. Where such a list ends, only a heading or another introduction tells,
    so that no more than a long paragraph is taken.
    """
    if blocks[at].kind != "prose" or at + 1 >= len(blocks) or blocks[at + 1].kind != "prose":
        return 0
    after = at
    while after < len(blocks) and blocks[after].kind in ("prose", "code"):
        introduces = bool(COLON.search(text[blocks[after].start : blocks[after].end]))
        code_follows = after + 1 < len(blocks) and blocks[after + 1].kind == "code"
        if (introduces and after > at and not code_follows) or (not introduces and after == at):
            break
        if blocks[after].end - blocks[at].start > _LONGEST and after > at + 1:
            break
        after += 1
    return after if after > at + 1 else 0


def _after_leads(text: str, blocks: Sequence[Block], at: int) -> int:
    """Return the index after what introduces a list, a table or code; `at` if the block there introduces nothing."""
    after = at
    while after < len(blocks) and after - at < 3:
        block, following = blocks[after], blocks[after + 1] if after + 1 < len(blocks) else None
        if following is None or block.kind not in ("prose", "heading"):
            break
        said = text[block.start : block.end]
        captions = block.kind == "heading" and following.kind in ("row", "code")
        introduces = block.kind == "prose" and (
            following.kind == "code" or (following.kind in ("item", "row") and bool(COLON.search(said)))
        )
        # "For example:" says nothing without the paragraph above it; a caption stands between a table and its lead.
        goes_on = block.kind == "prose" and after == at and _leads_on(text, blocks, after + 1)
        if not (captions or introduces or goes_on):
            break
        after += 1
    return after


def _leads_on(text: str, blocks: Sequence[Block], at: int) -> bool:
    """Whether the block at `at` introduces what follows it, and says nothing without what stands before it."""
    if at + 1 >= len(blocks):
        return False
    block, following = blocks[at], blocks[at + 1]
    if block.kind == "heading":
        return following.kind == "row"
    said = text[block.start : block.end]
    short = len(_WORDS.findall(said)) <= _SHORT_LEAD and bool(COLON.search(said))
    return block.kind == "prose" and short and following.kind in ("item", "row", "code")


def _after_items(text: str, blocks: Sequence[Block], at: int) -> int:
    """Return the index after a list: its items, the code below them, and what stands between two numbers in a row."""
    after = at
    number = 0
    while after < len(blocks):
        block = blocks[after]
        if block.kind == "item":
            found = _NUMBER.match(text, block.start)
            number = int(found[1]) if found else 0
        elif block.kind == "code":
            if (
                not inset(text, block)
                and not COLON.search(text[blocks[after - 1].start : blocks[after - 1].end])
                and not (number and _goes_on(text, blocks, after, number))
            ):
                break
        elif block.kind == "prose" and inset(text, block):
            pass
        elif block.kind != "prose" or not number or not _goes_on(text, blocks, after, number):
            break
        after += 1
    return after


def _goes_on(text: str, blocks: Sequence[Block], at: int, number: int) -> bool:
    """Whether the item with the next number follows, paragraphs and code aside."""
    for block in blocks[at : at + 6]:
        if block.kind == "item":
            found = _NUMBER.match(text, block.start)
            return found is not None and int(found[1]) == number + 1
        if block.kind not in ("prose", "code"):
            return False
    return False


def _units(item: EvidenceItem, blocks: Sequence[Block], kind: UnitKind, found: Sequence[Span]) -> Iterator[Unit]:
    """Yield the unit of some blocks; several if they are longer than what is quoted together."""
    leads = next((n for n, block in enumerate(blocks) if block.kind in ("item", "row", "code")), len(blocks))
    if kind == "list" and COLON.search(item.text[blocks[0].start : blocks[0].end]):
        leads = min(leads, 1)
    first = True
    for part in _cut(blocks, leads if kind != "error" else 1):
        # The message of an error often lacks a full stop, and looks like a heading.
        # A heading tells what code is, if nothing else does.
        told = kind == "error" or (kind == "code" and first and all(block.kind == "heading" for block in part[:leads]))
        read = [
            block._replace(kind="prose" if kind == "error" else "item") if block.kind == "heading" and told else block
            for block in part
        ]
        spans = tuple(span for block in read for span in _markable(item.text, block, found))
        if kind == "prose":
            spans = tuple(span for span in spans if not COLON.search(item.text[slice(*span)]))
        lead = _lead(item.text, blocks[:leads]) if first and kind not in ("prose", "error") else ""
        start = _start(part, leads if first else 0, found) if kind not in ("prose", "error") else part[0].start
        yield Unit(item, start, part[-1].end, kind, tuple(span for span in spans if span[0] >= start), lead)
        first = False


def _cut(blocks: Sequence[Block], whole: int) -> Iterator[Sequence[Block]]:
    """Yield runs of blocks of bounded length. The first `whole` blocks and the one after them stay together."""
    start = 0
    for n in range(1, len(blocks)):
        if n > whole and blocks[n].end - blocks[start].start > _LONGEST_GROUP and blocks[n].kind != "code":
            yield blocks[start:n]
            start, whole = n, n
    yield blocks[start:]


def _start(part: Sequence[Block], leads: int, found: Sequence[Span]) -> int:
    """Return where a unit begins: of a long lead only its last sentences are quoted."""
    start = part[0].start
    if not leads or part[min(leads, len(part)) - 1].end - start <= _LONGEST_LEAD:
        return start
    end = part[min(leads, len(part)) - 1].end
    inside = [span for span in found if start <= span[0] and span[1] <= end]
    near = [span[0] for span in inside if end - span[0] <= _LONGEST_LEAD]
    return min(near, default=inside[-1][0] if inside else start)


def _lead(text: str, blocks: Sequence[Block]) -> str:
    """Return the last sentence of what introduces the rest, on one line."""
    if not blocks:
        return ""
    *_, (start, end) = [(0, 0), *sentences(text[blocks[-1].start : blocks[-1].end])]
    return " ".join(text[blocks[-1].start + start : blocks[-1].start + end].split())


def _markable(text: str, block: Block, found: Sequence[Span]) -> Iterator[Span]:
    """Yield what of a block can be marked as what answers: its sentences that state something, or the whole row."""
    if block.kind in ("heading", "code"):
        return
    if block.kind == "row":
        spans: Iterable[Span] = [(block.start, block.end)]
    else:
        mark = ITEM.match(text, block.start, block.end) if block.kind == "item" else None
        begin = mark.end() if mark else block.start
        inside = ((max(start, begin), min(end, block.end)) for start, end in found)
        spans = [(start, end) for start, end in inside if start < end]
    least = _FEWEST_WORDS if block.kind == "prose" else _FEWEST_CELL_WORDS
    yield from (span for span in spans if _states(text[slice(*span)], least))


def _states(sentence: str, least: int) -> bool:
    """Whether a sentence states something, and holds no mark that a report would misread."""
    if _MARKER.search(sentence) or len(sentence) > _LONGEST_SENTENCE or _ASKS.search(sentence):
        return False
    return len(words(sentence)) >= least
