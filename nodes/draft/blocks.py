"""The blocks of a draft as a tree with offsets: paragraphs, headings, lists, quotes, tables, code.

markdown-it-py finds the blocks and their lines; this module adds where the text of each line begins inside its
containers, so that a block can be taken out, moved or written again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum, auto
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from nodes.draft.inline import Kind, Piece, blocks_parser, inline_pieces

if TYPE_CHECKING:
    from markdown_it.token import Token


class BlockKind(Enum):
    """What a block is."""

    ROOT = auto()
    PARAGRAPH = auto()
    HEADING = auto()
    CODE = auto()
    RULE = auto()
    TABLE = auto()
    HEADER = auto()
    ROW = auto()
    QUOTE = auto()
    LIST = auto()
    ITEM = auto()


@dataclass(eq=False)
class Block:
    """A block. It stands on the lines from `first` up to `last`, and its text begins at `starts[line]` on each.

    Paragraphs, headings and rows have the pieces of their text; a row has a list for each cell. `marker` is what makes
    the block: the fence of code, the hashes or the line of a heading, the number or bullet of an item, with the white
    space after it. The other lines of an item are indented by `width`. `index` is its place in `parent`.
    """

    kind: BlockKind
    first: int
    last: int
    parent: Block | None = None
    children: list[Block] = field(default_factory=list)
    starts: dict[int, int] = field(default_factory=dict)
    cells: list[list[Piece]] = field(default_factory=list)
    code: str = ""
    info: str = ""
    level: int = 0
    marker: str = ""
    width: int = 0
    ordered: bool = False
    index: int = 0

    @property
    def pieces(self) -> list[Piece]:
        """All pieces of its own text, in order."""
        return self.cells[0] if len(self.cells) == 1 else [piece for cell in self.cells for piece in cell]

    def walk(self) -> Iterator[Block]:
        """Yield the block and everything in it, in order."""
        yield self
        for child in self.children:
            yield from child.walk()

    def is_in(self, container: Block | None) -> bool:
        """Whether the block stands in `container`, at any depth."""
        around = self.parent
        while around is not None and around is not container:
            around = around.parent
        return around is container

    def beside(self, steps: int) -> Block | None:
        """Return the block that stands `steps` after it in the same container, if there is one."""
        siblings = self.parent.children if self.parent else [self]
        at = self.index + steps
        return siblings[at] if 0 <= at < len(siblings) else None


_TOKENS = {
    "paragraph_open": BlockKind.PARAGRAPH,
    "heading_open": BlockKind.HEADING,
    "fence": BlockKind.CODE,
    "code_block": BlockKind.CODE,
    "hr": BlockKind.RULE,
    "table_open": BlockKind.TABLE,
    "tr_open": BlockKind.ROW,
    "blockquote_open": BlockKind.QUOTE,
    "bullet_list_open": BlockKind.LIST,
    "ordered_list_open": BlockKind.LIST,
    "list_item_open": BlockKind.ITEM,
}
_ENDS = {name.replace("_open", "_close") for name in _TOKENS if name.endswith("_open")}
_ITEM = re.compile(r"(?P<mark>[ \t]*(?:[-*+]|\d{1,9}[.)]))(?P<gap>[ \t]*)(?P<text>.*)")
_QUOTE = re.compile(r" {0,3}> ?")
_HASHES = re.compile(r"[ \t]*#{1,6}[ \t]*")
_TASK = re.compile(r"\[[ xX]\]\s")
_BLANK = " \t"
_FENCE = re.compile(r"[ \t]*(?P<fence>`{3,}|~{3,})[ \t]*\Z")


class Document:
    """A parsed Markdown text."""

    def __init__(self, text: str, mark: re.Pattern[str], references: dict[str, Any] | None = None) -> None:
        self.text = text
        self._mark = mark
        self._references = references
        # Of equal length, so that offsets into it are offsets into `text`.
        self._normal = re.sub(r"\r(?=\n)", " ", text).replace("\r", "\n").replace("\0", "\ufffd")
        self.lines = [0, *(found.end() for found in re.finditer("\n", self._normal))]
        self.root = Block(BlockKind.ROOT, 0, len(self.lines))
        self.root.starts = dict(enumerate(self.lines))
        self._build()

    def line_end(self, line: int) -> int:
        """Return the offset of the end of a line, without its line break."""
        return self.lines[line + 1] - 1 if line + 1 < len(self.lines) else len(self._normal)

    def start(self, block: Block, line: int) -> int:
        """Return where the text of the container of `block` begins on `line`."""
        container = block.parent
        while container and container.kind in (BlockKind.LIST, BlockKind.TABLE):
            container = container.parent
        return container.starts.get(line, self.lines[line]) if container else self.lines[line]

    def line(self, block: Block, line: int) -> str:
        """Return `line` as the container of `block` holds it: without the prefixes of the containers around it."""
        return self._normal[self.start(block, line) : self.line_end(line)]

    def span(self, block: Block) -> tuple[int, int]:
        """Return where a block of whole lines begins and ends, without white space around it."""
        start, end = self.start(block, block.first), self.line_end(block.last - 1)
        while start < end and self._normal[start] in " \t":
            start += 1
        while end > start and self._normal[end - 1] in " \t":
            end -= 1
        return start, end

    def closed(self, code: Block) -> bool:
        """Whether a block of code is indented, or a fence with an end."""
        if not code.marker:
            return True
        found = _FENCE.match(self.line(code, code.last - 1)) if code.last - 1 > code.first else None
        return bool(found and found["fence"].startswith(code.marker))

    def _build(self) -> None:
        tokens: list[Token] = []
        parser = blocks_parser()
        parser.block.parse(self._normal, parser, {}, tokens)
        current, header = self.root, False
        for token in tokens:
            header = token.type == "thead_open" or (header and token.type != "thead_close")
            if token.type in _TOKENS:
                block = self._block(token, current, header=header)
                block.index = len(current.children)
                current.children.append(block)
                if token.nesting:
                    current = block
            elif token.type in _ENDS:
                current = self._ended(current)
            elif token.type == "inline" and current.kind is not BlockKind.TABLE and not current.cells:
                current.cells = self._cells(token, current)

    def _ended(self, block: Block) -> Block:
        """Return the parent of `block`, which ends with its last child: blank lines after it are nobody's."""
        if block.kind in (BlockKind.LIST, BlockKind.ITEM, BlockKind.QUOTE):
            block.last = block.children[-1].last if block.children else block.first + 1
        return block.parent or self.root

    def _block(self, token: Token, parent: Block, *, header: bool) -> Block:
        first, last = token.map or (0, 0)
        kind = BlockKind.HEADER if header and token.type == "tr_open" else _TOKENS[token.type]
        block = Block(kind, first, last, parent)
        if kind is BlockKind.HEADING:
            block.level, block.marker = int(token.tag[1:]), token.markup
        elif kind is BlockKind.LIST:
            block.ordered = token.type.startswith("ordered")
        elif kind is BlockKind.CODE:
            block.code, block.info, block.marker = token.content, token.info.strip(), token.markup
            while block.last > block.first + 1 and not self.line(block, block.last - 1).strip() and not block.marker:
                block.last -= 1
        elif kind is BlockKind.QUOTE:
            block.starts = {line: self._after_quote(block, line) for line in range(first, last)}
        elif kind is BlockKind.ITEM:
            self._open_item(block)
        return block

    def _after_quote(self, block: Block, line: int) -> int:
        start = self.start(block, line)
        found = _QUOTE.match(self._normal, start, self.line_end(line))
        return found.end() if found else start

    def _open_item(self, item: Block) -> None:
        """Find the marker of an item, and where its text begins on each of its lines."""
        start = self.start(item, item.first)
        found = _ITEM.match(self._normal, start, self.line_end(item.first))
        if found is None:
            raise ValueError(f"no list marker at offset {start}")
        gap = found["gap"] if found["text"] and len(found["gap"].expandtabs(4)) <= 4 else found["gap"][:1]
        item.marker = found["mark"] + gap
        item.width = len(item.marker.expandtabs(4)) + (0 if gap else 1)
        item.starts[item.first] = start + len(item.marker)
        for line in range(item.first + 1, item.last):
            item.starts[line] = self._indented(self.start(item, line), self.line_end(line), item.width)

    def _indented(self, start: int, end: int, width: int) -> int:
        """Return where a line begins if up to `width` columns of its white space are the item's."""
        column = 0
        while start < end and column < width and self._normal[start] in " \t":
            column += 1 if self._normal[start] == " " else 4 - column % 4
            start += 1
        return start

    def _cells(self, token: Token, block: Block) -> list[list[Piece]]:
        if block.kind in (BlockKind.ROW, BlockKind.HEADER):
            return self._row(block)
        if block.marker.startswith("#"):
            found = _HASHES.match(self._normal, self.start(block, block.first))
            begin = found.end() if found else 0
            return [self._pieces(token.content, [*range(begin, begin + len(token.content) + 1)])]
        content, where = "", [0]
        for line, text in enumerate(token.content.split("\n"), block.first):
            text = text.lstrip(_BLANK)
            # Counted from the end: of the white space before a line the parser may have taken a part.
            begin = self.lines[line] + len(self._line(line).rstrip(_BLANK)) - len(text.rstrip(_BLANK))
            content += text + "\n"
            where[-1:] = [*range(begin, begin + len(text) + 1), 0]
        return [_with_task(self._pieces(content[:-1], where[:-1]), block)]

    def _row(self, row: Block) -> list[list[Piece]]:
        """Return the pieces of a row's cells: as many as the table's header has, which is what a reader sees."""
        start, end = self.span(row)
        cells = split_row(self._normal[start:end])
        header = row.parent.children[0] if row.parent else row
        columns = len(header.cells) or len(cells)
        return [self._cell(start + begin, start + stop) for begin, stop in cells[:columns]]

    def _cell(self, start: int, end: int) -> list[Piece]:
        # In a table `\|` is a bar inside a cell; the backslash is gone before the cell's text is parsed.
        where = [at for at in range(start, end) if self._normal[at : at + 2] != "\\|" or at + 1 == end]
        content = "".join(self._normal[at] for at in where)
        # A bar begins at its backslash, so that the pieces together are the whole cell.
        where = [at - 1 if at > start and self._normal[at] == "|" else at for at in where]
        pieces = self._pieces(content, [*where, end])
        return [piece._replace(raw=self._normal[piece.start : piece.end]) for piece in pieces]

    def _pieces(self, content: str, where: list[int]) -> list[Piece]:
        """Return the pieces of a run of text whose character `n` is at `where[n]`."""
        pieces = inline_pieces(content, self._mark, self._references)
        return [
            Piece(kind, where[start], where[end], plain, raw, pair, href)
            for kind, start, end, plain, raw, pair, href in pieces
        ]

    def _line(self, line: int) -> str:
        return self._normal[self.lines[line] : self.line_end(line)]


def split_row(line: str) -> list[tuple[int, int]]:
    """Return where the cells of a table row begin and end, trimmed."""
    bars = [at for at, char in enumerate(line) if char == "|" and (at == 0 or line[at - 1] != "\\")]
    edges = [-1, *bars, len(line)]
    cells = [(before + 1, after) for before, after in pairwise(edges)]
    if cells and not line[slice(*cells[0])]:
        cells = cells[1:]
    if cells and not line[slice(*cells[-1])]:
        cells = cells[:-1]
    return [_trimmed(line, *cell) for cell in cells]


def _trimmed(line: str, start: int, end: int) -> tuple[int, int]:
    while start < end and line[start] in _BLANK:
        start += 1
    while end > start and line[end - 1] in _BLANK:
        end -= 1
    return start, end


def _with_task(pieces: list[Piece], block: Block) -> list[Piece]:
    """Return the pieces with the box of a task, `[ ] `, as one piece if they are the text of a list item."""
    first = block.parent is not None and block.parent.kind is BlockKind.ITEM and block.parent.children == [block]
    if not first or not _TASK.match("".join(piece.raw for piece in pieces[:4])):
        return pieces
    box = Piece(Kind.TASK, pieces[0].start, pieces[3].end, raw="".join(piece.raw for piece in pieces[:4]))
    return [box, *pieces[4:]]
