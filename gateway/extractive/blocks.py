"""The blocks of a passage, told by its lines: paragraphs, items of lists, rows of tables, code and headings.

A passage is canonical text: its loader has taken the marks of Markdown and reStructuredText away, indented code by four
spaces and what belongs to an item by two or three, and written the rows of a table as `name: cell; name: cell`. Texts
that kept their marks are read, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest
from typing import Literal, NamedTuple

from state.evidence_block import EvidenceItem
from state.values import Kind

BlockKind = Literal["heading", "prose", "item", "row", "code"]

ITEM = re.compile(r"[ \t]*(?:[-*+•‣▪●○■□◦]|\d{1,3}[.)]|\(?[a-z]\))[ \t]+(?=\S)")
"""The mark of an item of a list."""

ENDED = re.compile(r"[.!?。！？…;:：][\"'”’»)\]）」』*_`]*\s*\Z")
"""The end of a sentence. A line by itself that lacks it is a heading, a caption or the name of something."""

COLON = re.compile(r"[:：][\"'”’»)\]*_`]*\s*\Z")
"""The end of a line that introduces what stands below it."""

_MARKED = re.compile(r"#{1,6}\s|.*\n\s*([=\-~^\"'+*#.`:_])\1{2,}\s*\Z")  # a heading that kept its marks
_LABEL_WORDS = 12  # a longer line without an end is a sentence that lost its full stop; a chosen value
_INDENT = 4
_INSET = 2  # spaces before what belongs to an item of a list
_FENCE = re.compile(r"[ \t]*(?P<fence>`{3,}|~{3,})")
_HASHES = re.compile(r"#{1,6}(?:\s|\Z)")
_ADORNMENT = re.compile(r"\s*([=\-~^\"'+*#.`:_])\1{2,}\s*")
_RULE = re.compile(r"[\s|:+=-]*")
_NAMED = re.compile(r"(?P<name>[^\s:;|][^:;|]{0,79}): ?[^;]*(?:; .*)?")
_CELLS = re.compile(r"; [^:;]{1,80}:(?: |\Z|;)")
_PROSE_LINE = re.compile(r"\s*[A-ZÀ-Þ\"“„‘'(][^={}<>$|\\_#]*")
_WORDS = re.compile(r"\w+")


class Block(NamedTuple):
    """A block at `start:end` of its passage's text, white space around it left out."""

    kind: BlockKind
    start: int
    end: int


class _Line(NamedTuple):
    start: int
    text: str

    @property
    def end(self) -> int:
        return self.start + len(self.text.rstrip())

    @property
    def blank(self) -> bool:
        return not self.text.strip()

    @property
    def indent(self) -> int:
        wide = self.text.expandtabs(_INDENT)
        return len(wide) - len(wide.lstrip())


def blocks_of(item: EvidenceItem) -> list[Block]:
    """Return the blocks of a passage in reading order.

    >>> text = "Limits\\n\\nThe tiers are:\\n\\n- Free\\n- Paid"
    >>> [block.kind for block in blocks_of(EvidenceItem(alias="E1", title="Limits", text=text))]
    ['heading', 'prose', 'item', 'item']
    """
    if item.kind == "heading":
        return [*_whole("heading", item.text)]
    if item.kind == "code":
        return [*_whole("code", item.text)]
    names = {_folded(name) for name in (item.title, *item.heading_path)} - {""}
    found: list[Block] = []
    for kind, lines in _groups(_lines(item.text)):
        if kind == "code":
            found += _code(lines, after=found[-1].kind if found else "heading")
        else:
            below_item = any(block.kind == "item" for block in found) and _INSET <= lines[0].indent < _INDENT
            if below_item and not ITEM.match(lines[0].text) and not _FENCE.match(lines[0].text):
                found.append(_trimmed("prose", lines[0].start, lines[-1]))
            else:
                found += _paragraph(lines, item.kind, names)
    found = _with_unmarked_items(item.text, found, names)
    if len(found) == 1 and found[0].kind == "heading" and _folded(item.text) not in names:
        return [found[0]._replace(kind="prose")]  # a text of one line, such as a message, has no full stop either
    return found


def inset(text: str, block: Block) -> int:
    """Return how far what belongs to an item stands to its right; 0 for what belongs to none."""
    line = text[text.rfind("\n", 0, block.start) + 1 : block.end].expandtabs(_INDENT)
    spaces = len(line) - len(line.lstrip()) - (_INDENT if block.kind == "code" else 0)
    return spaces if _INSET <= spaces < _INDENT else 0


def _with_unmarked_items(text: str, blocks: Sequence[Block], names: set[str]) -> list[Block]:
    """Return `blocks` with the lines without an end below a colon as items: some documents show no marks."""
    found: list[Block] = []
    unmarked = False
    for block, below in zip_longest(blocks, blocks[1:]):
        said = text[block.start : block.end]
        above = found[-1] if found else None
        begins = above is not None and above.kind == "prose" and COLON.search(text[above.start : above.end])
        plain = block.kind in ("heading", "prose") and not ENDED.search(said) and not _MARKED.match(said)
        plain &= not inset(text, block)
        caption = below is not None and below.kind == "row"
        unmarked = (
            plain
            and not caption
            and bool(begins or unmarked)
            and _folded(said) not in names
            and any(map(str.isalnum, said))
        )
        found.append(block._replace(kind="item") if unmarked else block)
    return found


def _whole(kind: BlockKind, text: str) -> Iterator[Block]:
    if text.strip():
        start = len(text) - len(text.lstrip("\n"))
        yield Block(kind, start, len(text.rstrip()))


def _lines(text: str) -> list[_Line]:
    found, at = [], 0
    for line in re.split("[\n\f]", text):
        found.append(_Line(at, line))
        at += len(line) + 1
    return found


def _groups(lines: Sequence[_Line]) -> Iterator[tuple[Literal["code", "text"], list[_Line]]]:
    """Yield the runs of lines without a blank one between them; code with fences, or indented, may hold blank lines."""
    run: list[_Line] = []
    at = 0
    while at < len(lines):
        line = lines[at]
        after = at
        if _FENCE.match(line.text) and not (run and _ADORNMENT.fullmatch(line.text)):
            after = _fenced_until(lines, at)
        elif not run:
            after = _indented_until(lines, at)
        if after > at:
            if run:
                yield "text", run
            run = []
            yield "code", [*lines[at:after]]
            at = after
            continue
        if line.blank and run:
            yield "text", run
            run = []
        elif not line.blank:
            run.append(line)
        at += 1
    if run:
        yield "text", run


def _fenced_until(lines: Sequence[_Line], at: int) -> int:
    """Return the line after a block of code with fences. Backticks that are never closed end with the passage."""
    opened = _FENCE.match(lines[at].text)
    fence = opened["fence"] if opened else ""
    for n in range(at + 1, len(lines)):
        if lines[n].text.strip().startswith(fence) and not lines[n].text.strip().strip(fence[0]):
            return n + 1
    return at if fence.startswith("~") else len(lines)


def _indented_until(lines: Sequence[_Line], at: int) -> int:
    """Return the line after the indented lines that begin at `at`, which stands below a blank line."""
    after = at
    for n in range(at, len(lines)):
        if lines[n].blank:
            continue
        if lines[n].indent < _INDENT:
            break
        after = n + 1
    return after


def _code(lines: Sequence[_Line], after: BlockKind) -> Iterator[Block]:
    """Yield indented or fenced lines as code, unless they are an indented paragraph, or items below another item."""
    filled = [line for line in lines if not line.blank]
    fenced = bool(_FENCE.match(filled[0].text))
    if not fenced and after == "item" and ITEM.match(filled[0].text):
        yield from _items(filled)
    elif not fenced and all(_is_prose(line.text) for line in filled):
        yield Block("prose", filled[0].start + len(filled[0].text) - len(filled[0].text.lstrip()), filled[-1].end)
    else:
        yield Block("code", filled[0].start, filled[-1].end)


def _is_prose(line: str) -> bool:
    return bool(_PROSE_LINE.fullmatch(line)) and len(_WORDS.findall(line)) >= 6


def _paragraph(lines: Sequence[_Line], kind: Kind, names: set[str]) -> Iterator[Block]:
    """Yield the blocks of lines that stand together."""
    if kind == "table" or _is_table([line.text for line in lines]):
        yield from _rows(lines, names)
        return
    plain: list[_Line] = []
    for n, line in enumerate(lines):
        starts = bool(_HASHES.match(line.text) or _ADORNMENT.fullmatch(line.text) or ITEM.match(line.text))
        if not starts and not line.text.lstrip().startswith("|"):
            plain.append(line)
            continue
        if ITEM.match(line.text) and not _HASHES.match(line.text):
            yield from _text(plain, kind, names)
            yield from _items(lines[n:])
            return
        underlined = len(plain) > 0 and bool(_ADORNMENT.fullmatch(line.text))
        yield from _text(plain[:-1] if underlined else plain, kind, names)
        if _HASHES.match(line.text) or _ADORNMENT.fullmatch(line.text):
            yield _trimmed("heading", (plain[-1] if underlined else line).start, line)
        elif not _RULE.fullmatch(line.text):
            yield _trimmed("row", line.start, line)
        plain = []
    yield from _text(plain, kind, names)


def _items(lines: Sequence[_Line]) -> Iterator[Block]:
    """Yield the items of a list; lines without a mark go on with the item above."""
    start = lines[0]
    for line, below in zip(lines, [*lines[1:], None], strict=True):
        if below is None or ITEM.match(below.text):
            yield _trimmed("item", start.start, line)
            start = below or line


def _text(lines: Sequence[_Line], kind: Kind, names: set[str]) -> Iterator[Block]:
    if not lines:
        return
    said = " ".join(line.text for line in lines)
    if _is_label(said, names, alone=len(lines) == 1 and kind != "list"):
        yield _trimmed("heading", lines[0].start, lines[-1])
    else:
        yield _trimmed("item" if kind == "list" else "prose", lines[0].start, lines[-1])


def _is_label(text: str, names: set[str], *, alone: bool) -> bool:
    """Whether a line by itself is a heading that lost its mark, a caption or a name."""
    if _folded(text) in names or not any(map(str.isalnum, text)):
        return True
    return alone and not ENDED.search(text) and len(_WORDS.findall(text)) <= _LABEL_WORDS


def _is_table(lines: Sequence[str]) -> bool:
    """Whether each line, a title in the first aside, holds cells: named ones, or as many bars as the others."""
    if len(lines) == 1:
        return (
            not ITEM.match(lines[0])
            and len(_CELLS.findall(lines[0])) >= 2
            and bool(_NAMED.fullmatch(lines[0]))
            and not ENDED.search(lines[0])
        )
    for rows in (lines, lines[1:] if len(lines) > 2 else ()):
        first = {named["name"] if (named := _NAMED.fullmatch(row)) and _CELLS.search(row) else "" for row in rows}
        bars = {0 if row.lstrip().startswith("|") else row.count(" | ") for row in rows}
        if (len(first) == 1 and "" not in first) or (len(bars) == 1 and 0 not in bars):
            return True
    return False


def _rows(lines: Iterable[_Line], names: set[str]) -> Iterator[Block]:
    for line in lines:
        if _RULE.fullmatch(line.text):
            continue
        cells = _CELLS.search(line.text) or _NAMED.fullmatch(line.text) or "|" in line.text
        label = not cells and _is_label(line.text, names, alone=True)
        yield _trimmed("heading" if label else "row", line.start, line)


def _trimmed(kind: BlockKind, start: int, last: _Line) -> Block:
    return Block(kind, start, last.end)


def _folded(text: str) -> str:
    return " ".join(_WORDS.findall(text.casefold()))
