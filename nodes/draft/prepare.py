"""What the writer node keeps of a model's text: the same Markdown without anything that may not leave."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

from nodes.draft.blocks import Block, BlockKind, Document, split_row
from nodes.draft.inline import Kind, blocks_parser, inline_parser, new_parser, settled
from nodes.draft.safety import safe_raws, without_hidden
from state.citation_marks import DRAFT_MARK, with_brackets

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_block import StateBlock

Edit = tuple[int, int, str]
"""A replacement of the text between two offsets."""

_ROUNDS = 8
"""Times that the rules are applied: what one takes away may join its neighbours to something new."""

_LANGUAGE_NAMES = (
    "asm bash bat batch c cfg clojure cmd conf console cpp cs csharp css csv dart diff dockerfile dotenv elixir env "
    "erlang f90 fortran go golang gradle graphql groovy haskell hcl http ini java javascript js json json5 jsonc jsonl "
    "jsx julia kotlin lisp log lua make makefile matlab nginx objc ocaml output perl php plaintext plsql powershell "
    "promql properties proto protobuf ps1 py python pycon r regex ruby rust scala sh shell shell-session sql sqlplus "
    "swift systemd tcl terminal terraform text toml ts tsx txt typescript vb vim xml yaml yml zsh"
)
_LANGUAGES = frozenset(_LANGUAGE_NAMES.split())
"""Languages that a block of code may name: its first line is shown, or chooses how a client renders the code."""

_WRAPPED = re.compile(
    r"\A(?P<fence>`{3,}|~{3,})[ \t]*(?:markdown|md)[ \t]*\n(?P<text>.*?)\n?(?P=fence)[ \t]*\Z", re.DOTALL
)
_OUT_OF_REACH = str.maketrans({"[": "⟦", "]": "⟧", "<": "‹", ">": "›", "`": "ˋ", "!": "ǃ", ":": "："})


def prepared_draft(markdown: str) -> str:
    """Return a draft that can be stored: no HTML, no image, no definition, no number in brackets outside of code.

    A draft that was prepared stays as it is.

    >>> prepared_draft("See <b>this</b> ![x](y.png) [docs](https://example.com 'title') [1] [e2].")
    'See &lt;b>this&lt;/b>  [docs](https://example.com) ⟦1⟧ [E2].'
    """
    text = _cleaned(markdown)
    for _ in range(_ROUNDS):
        before, text = text, _once(text)
        if text == before:
            return text
    # Nothing that a person or a model writes gets here. Without these characters nothing is left to rewrite.
    return _once(text.translate(_OUT_OF_REACH))


def language_of(info: str) -> str:
    """Return the language that the first line of a block of code may name, or nothing."""
    word = re.split(r"[\s{,:]", info.strip(), maxsplit=1)[0].lower()
    return word if word in _LANGUAGES else ""


def apply_edits(text: str, edits: list[Edit]) -> str:
    """Return `text` with each edit made. Edits must not overlap."""
    parts: list[str] = []
    at = 0
    for start, end, new in sorted(edits):
        parts += [text[at:start], new]
        at = end
    return "".join([*parts, text[at:]])


def _cleaned(markdown: str) -> str:
    text = markdown.replace("\r\n", "\n").replace("\r", "\n").replace("\v", "\n").replace("\f", "\n")
    text = without_hidden(text.replace("\u2028", "\n").replace("\u2029", "\n")).strip("\n").rstrip()
    wrapped = _WRAPPED.match(text.strip())
    return wrapped["text"].strip("\n").rstrip() if wrapped else text


def _once(text: str) -> str:
    text, references = _without_definitions(text)
    document = Document(text, DRAFT_MARK, references)
    edits = [edit for block in document.root.walk() for edit in _edits(document, block)]
    return apply_edits(text, edits).strip("\n").rstrip()


def _edits(document: Document, block: Block) -> Iterator[Edit]:
    if block.kind is BlockKind.CODE:
        yield from _code_edits(document, block)
        return
    if block.kind in (BlockKind.ROW, BlockKind.HEADER):
        yield from _row_edits(document, block)
    elif block.kind is not BlockKind.PARAGRAPH and block.kind is not BlockKind.HEADING:
        return
    for cell in block.cells:
        raws = safe_raws(cell, in_table=block.kind in (BlockKind.ROW, BlockKind.HEADER))
        raws = [with_brackets(raw) if piece.kind is Kind.CODE else raw for piece, raw in zip(cell, raws, strict=True)]
        yield from ((piece.start, piece.end, raw) for piece, raw in zip(cell, raws, strict=True) if raw != piece.raw)
    yield from _tab_edits(document, block)


def _code_edits(document: Document, code: Block) -> Iterator[Edit]:
    """Yield what is wrong with a block of code: brackets as evidence shows them, a first line that says more than a
    language, or no end.
    """
    first = code.first + bool(code.marker)
    for n in range(first, code.last):
        start, end = document.lines[n], document.line_end(n)
        if with_brackets(document.text[start:end]) != document.text[start:end]:
            yield start, end, with_brackets(document.text[start:end])
    if not code.marker:
        return
    line = document.line(code, code.first)
    named = line.index(code.marker) + len(code.marker)
    start, end = document.start(code, code.first), document.line_end(code.first)
    if line[named:].strip() != language_of(code.info):
        yield start + named, end, language_of(code.info)
    if not document.closed(code):
        last = document.line_end(code.last - 1)
        yield last, last, f"\n{prefix_of(code)}{code.marker}"


def prefix_of(block: Block) -> str:
    """Return what stands before a line inside the containers of `block`."""
    around: list[str] = []
    while block.parent is not None:
        block = block.parent
        around.append("> " if block.kind is BlockKind.QUOTE else " " * block.width)
    return "".join(reversed(around))


def _row_edits(document: Document, row: Block) -> Iterator[Edit]:
    """Yield the removal of cells for which the table has no column: a client shows them, or does not."""
    start, end = document.span(row)
    cells = split_row(document.text[start:end])
    if len(cells) > len(row.cells) > 0:
        yield start + cells[len(row.cells) - 1][1], start + cells[-1][1], ""


def _tab_edits(document: Document, block: Block) -> Iterator[Edit]:
    """Yield spaces for the tabs before a text, so that the depth of a block is its number of characters."""
    for line in range(block.first, block.last):
        start, end = document.lines[line], document.line_end(line)
        text = document.text[start:end]
        before = text[: len(text) - len(text.lstrip(" \t>-*+.)0123456789"))]
        if "\t" in before:
            yield start, start + len(before), before.expandtabs(4)


def _without_definitions(text: str) -> tuple[str, dict[str, Any]]:
    """Return `text` without definitions of references, and what they defined."""
    found: list[tuple[int, int]] = []
    environment: dict[str, Any] = {"found": found}
    parser = _reference_parser()
    parser.block.parse(text, parser, environment, [])
    return apply_edits(text, [*_whole_lines(text, found)]), environment.get("references", {})


def _whole_lines(text: str, found: list[tuple[int, int]]) -> Iterator[Edit]:
    """Yield the removal of each span, with its line if nothing else is there."""
    for start, end in found:
        first, last = text.rfind("\n", 0, start) + 1, text.find("\n", end)
        last = len(text) if last < 0 else last + 1
        yield (start, end, "") if (text[first:start] + text[end:last]).strip() else (first, last, "")


def load_parsers() -> None:
    """Make the parsers of drafts, so that no first draft waits for them."""
    for make in (blocks_parser, inline_parser, _reference_parser):
        make()


@cache
def _reference_parser() -> MarkdownIt:
    """Return a parser that notes the lines of definitions in its environment."""
    parser = new_parser().enable("reference")
    rules = dict(zip(parser.block.ruler.get_active_rules(), parser.block.ruler.getRules(""), strict=True))
    reference = rules["reference"]

    def noting(state: StateBlock, first: int, last: int, silent: bool) -> bool:
        matched = reference(state, first, last, silent)
        if matched and not silent:
            spans = [(state.bMarks[n] + state.tShift[n], state.eMarks[n]) for n in range(first, state.line)]
            state.env["found"].extend(spans)
        return matched

    parser.block.ruler.at("reference", noting)
    return settled(parser)
