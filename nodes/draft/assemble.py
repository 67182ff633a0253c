"""The lines of a published draft: each block as it was if nothing in it is cut, else written again."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from nodes.draft.blocks import Block, BlockKind, split_row
from nodes.draft.choice import Choice
from nodes.draft.inline import Kind
from nodes.draft.lists import Entry, entries, is_loose
from nodes.draft.prepare import language_of
from nodes.draft.rewrite import BEGIN, END, UNVERIFIED, row_runs, text_run, written
from nodes.draft.stated import Stated

_BLOCK_SYNTAX = re.compile(
    r"(?:#{1,6}|[-+*]|\d{1,9}(?=[.)]))(?=\s|$|[.)](?:\s|$))|>|`{3}|~{3}|[-=|:][-=|: ]*$|(?:[*_-]\s*){3,}$|\[[ xX]\]\s"
)
_DEFINITION = re.compile(r"(?P<mark>\[\d+\](?:" + END + r")?):")


class Line(NamedTuple):
    """A line of a block without the prefixes of its containers. `source` is its line in the draft if it stays there."""

    text: str
    source: int = -1


class Assembly:
    """Writes the published text of a draft, with `BEGIN` and `END` around each claim.

    `bare` writes all text without markup: for drafts whose markup does not survive a cut.
    """

    def __init__(self, choice: Choice, *, bare: bool = False) -> None:
        self._choice = choice
        self._reading = choice.reading
        self._document = choice.reading.document
        self._bare = bare
        self._marked = {claim.marks_after: claim for claim in choice.alive if claim.marks_after}

    def text(self) -> str:
        """Return the text."""
        return "\n".join(line.text.rstrip("\n") for line in self._inside(self._document.root))

    def _lives(self, block: Block) -> bool:
        if block.kind is BlockKind.RULE:
            return True
        return block in self._marked if block in self._reading.marks_only else self._choice.lives(block)

    def _inside(self, container: Block) -> list[Line]:
        """Return the lines of what lives in a container."""
        living = [child for child in container.children if self._lives(child)]
        gone = set(container.children).difference(living, self._reading.marks_only)
        if gone:
            living = [*_between(living)]
        lines: list[Line] = []
        previous: Block | None = None
        for child in living:
            apart = previous is not None and child.beside(-1) is not previous
            if previous is not None:
                lines.extend(_separator(previous, child, apart=apart))
            lines.extend(self._block(child, previous if apart else None))
            previous = child
        return lines

    def _block(self, block: Block, joins: Block | None) -> list[Line]:
        """Return the lines of a block. `joins` is the block that it now follows because those between are gone."""
        if block in self._marked:
            return [Line(self._numbers(self._marked[block]), block.first)]
        if block.kind is BlockKind.CODE:
            # Behind a list, indented code would be a part of its last item; behind indented code, more of it.
            return self._code(block, fenced=joins is not None and joins.kind in (BlockKind.LIST, BlockKind.CODE))
        if block.kind is BlockKind.TABLE:
            return self._table(block)
        if block.kind is BlockKind.QUOTE:
            return [self._quoted(block, line) for line in self._inside(block)]
        if block.kind is BlockKind.LIST:
            return self._list(block, joins)
        if block.kind is BlockKind.RULE:
            return [Line(self._document.line(block, block.first), block.first)]
        return self._text(block)

    def _text(self, block: Block) -> list[Line]:
        """Return the lines of a paragraph or heading."""
        run = text_run(
            self._choice, block.pieces, self._reading.owners[block], self._choice.living(block), bare=self._bare
        )
        lines = written(run).split("\n")
        if block.marker.startswith("#"):
            start, end = self._document.start(block, block.first), self._document.line_end(block.first)
            before, after = (
                self._document.text[slice(*at)] for at in ((start, run.pieces[0].start), (run.pieces[-1].end, end))
            )
            return [Line(before + " ".join(lines) + after, block.first)]
        under = [Line(self._document.line(block, block.last - 1))] if block.marker else []
        if run.whole and len(lines) == block.last - block.first - len(under) and not self._bare:
            kept = [self._document.line(block, block.first + n) for n in range(len(lines))]
            indents = [line[: len(line) - len(line.lstrip(" \t"))] for line in kept]
            text = [
                Line(indent + _undefined(line), block.first + n)
                for n, (indent, line) in enumerate(zip(indents, lines, strict=True))
            ]
            return [*text, *(line._replace(source=block.last - 1) for line in under)]
        written_again = [line.lstrip() for line in lines if line.strip(BEGIN + END + " \t")]
        boxed = run.pieces[0].kind is Kind.TASK
        guarded = [line if boxed and n == 0 else _guarded(line) for n, line in enumerate(written_again)]
        return [*map(Line, guarded), *under]

    def _code(self, code: Block, *, fenced: bool) -> list[Line]:
        claim = self._reading.stated[code][0]
        if not code.marker and fenced:
            lines = [Line(line) for line in _fenced(code.code)]
        else:
            lines = [Line(self._document.line(code, n), n) for n in range(code.first, code.last)]
            if code.marker:
                lines[0] = lines[0]._replace(text=_named(lines[0].text, code))
                lines += [] if self._document.closed(code) else [Line(code.marker)]
        first = lines[0].text
        lines[0] = lines[0]._replace(text=first[: len(first) - len(first.lstrip())] + BEGIN + first.lstrip())
        if claim.marks_after is None:
            nested = code.parent is not None and code.parent.kind is BlockKind.ITEM
            lines += [*([] if nested and code.marker else [Line("")]), Line(self._numbers(claim))]
        return lines

    def _numbers(self, claim: Stated) -> str:
        """Return the paragraph of numbers that ends a block of code."""
        numbers = "".join(f"[{number}]" for number in self._choice.citations(claim).values())
        return numbers + END + (UNVERIFIED if self._choice.of(claim).unverified else "")

    def _table(self, table: Block) -> list[Line]:
        header, *rows = table.children
        title = next(iter(self._choice.living(header)), None)
        lines = [self._row(header, title), Line(self._document.line(table, table.first + 1), table.first + 1)]
        for row in rows:
            claim = next(iter(self._choice.living(row)), None)
            if claim is not None:
                lines.append(self._row(row, claim))
        return lines

    def _row(self, row: Block, claim: Stated | None) -> Line:
        runs = row_runs(self._choice, row.cells, claim, bare=self._bare)
        start, end = self._document.span(row)
        indent = self._document.text[self._document.start(row, row.first) : start]
        parts: list[str] = []
        at = start
        for run in runs:
            if run.pieces:
                parts += [self._document.text[at : run.pieces[0].start], written(run).replace("\n", " ")]
                at = run.pieces[-1].end
        rest = self._document.text[at:end]
        if len(split_row(self._document.text[start:end])) > len(row.cells):
            rest = " |" if rest.endswith("|") else ""
        text = "".join([*parts, rest])
        return Line(indent + (f"{BEGIN}{text}{END}" if claim else text), row.first)

    def _quoted(self, quote: Block, line: Line) -> Line:
        if line.source in quote.starts:
            start = self._document.start(quote, line.source)
            return line._replace(text=self._document.text[start : quote.starts[line.source]] + line.text)
        return Line(f"> {line.text}" if line.text else ">")

    def _list(self, block: Block, joins: Block | None) -> list[Line]:
        lines: list[Line] = []
        previous: Entry | None = None
        for entry in entries(block, self._lives, joins):
            if previous is not None:
                adjacent = entry.item.beside(-1) is previous.item
                between = _blank(previous.item, entry.item) if adjacent else [Line("")] if is_loose(block) else []
                lines.extend(between)
            lines.extend(self._item(entry))
            previous = entry
        return lines

    def _item(self, entry: Entry) -> list[Line]:
        """Return the lines of a list item behind its marker, which may be a new one."""
        item, inside = entry.item, self._inside(entry.item)
        same = entry.marker == item.marker
        if same and inside[0].source == item.children[0].first > item.first:
            # The marker stands on a line of its own.
            alone = [Line(item.marker, item.first), *_blank_lines(item.first + 1, inside[0].source)]
            return [*alone, *(self._indented(item, line, item.width) for line in inside)]
        marker = entry.marker if entry.marker[-1:].isspace() else f"{entry.marker} "
        first = inside[0].source if same and inside[0].source == item.first else -1
        width = item.width if same else len(marker)
        rest = (self._indented(item, line if same else Line(line.text), width) for line in inside[1:])
        return [Line(marker + inside[0].text, first), *rest]

    def _indented(self, item: Block, line: Line, width: int) -> Line:
        if line.source in item.starts:
            start = self._document.start(item, line.source)
            return line._replace(text=self._document.text[start : item.starts[line.source]] + line.text)
        return Line(" " * width + line.text if line.text else "")


def _between(living: Sequence[Block]) -> Iterator[Block]:
    """Yield the blocks without rules that separate nothing any more."""
    last = max((n for n, block in enumerate(living) if block.kind is not BlockKind.RULE), default=-1)
    before: Block | None = None
    for block in living[: last + 1]:
        if block.kind is not BlockKind.RULE or (before is not None and before.kind is not BlockKind.RULE):
            yield block
            before = block


def _separator(previous: Block, block: Block, *, apart: bool) -> list[Line]:
    """Return the blank lines between two blocks; one where something between them is gone."""
    if not apart:
        return _blank(previous, block)
    nested = block.parent is not None and block.parent.kind is BlockKind.ITEM
    starts_alone = (block.kind is BlockKind.LIST and not block.ordered) or (
        block.kind is BlockKind.CODE and block.marker
    )
    tight = nested and starts_alone
    return [] if tight and previous.kind is BlockKind.PARAGRAPH else [Line("")]


def _blank(previous: Block, block: Block) -> list[Line]:
    return [*_blank_lines(previous.last, block.first)]


def _blank_lines(first: int, last: int) -> Iterator[Line]:
    return (Line("", n) for n in range(first, last))


def _fenced(code: str) -> list[str]:
    """Return the lines of code between fences that it does not hold itself."""
    fence = "`" * max(3, *(len(run) + 1 for run in re.findall("`+", code)), 3)
    return [fence, *code.rstrip("\n").split("\n"), fence]


def _named(line: str, code: Block) -> str:
    """Return the first line of a fence with no more than the name of a language."""
    before = line[: line.index(code.marker) + len(code.marker)]
    return line if line[len(before) :].strip() == language_of(code.info) else before + language_of(code.info)


def _guarded(line: str) -> str:
    """Return a line that begins a line only now, with a backslash before what would be syntax there."""
    text = line.lstrip(BEGIN)
    begun = line[: len(line) - len(text)]
    found = _BLOCK_SYNTAX.match(text.replace(END, ""))
    if found and found[0][:1].isdigit():
        return f"{begun}{found[0]}\\{text[len(found[0]) :]}"
    return _undefined(f"{begun}\\{text}" if found else line)


def _undefined(line: str) -> str:
    """Return a line that defines no reference: a number before a colon would be one."""
    found = _DEFINITION.match(line.lstrip(BEGIN + " \t"))
    at = line.index(found[0]) + len(found["mark"]) if found else 0
    return f"{line[:at]}\\{line[at:]}" if found else line
