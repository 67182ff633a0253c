"""An excerpt as a block quote in Markdown, in its shape: paragraphs, items, rows and code, with sentences in bold."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence

from gateway.extractive.blocks import ITEM, Block, blocks_of, inset
from state.evidence_block import EvidenceItem
from state.markdown_text import md_quote

_NUMBER = re.compile(r"[ \t]*(\d{1,3}[.)])")
_FENCED = re.compile(
    r"[ \t]*(?P<fence>`{3,}|~{3,})(?P<info>[^\n]*)\n(?P<code>.*?)(?:\n[ \t]*(?P=fence)[`~]*[ \t]*)?\Z", re.DOTALL
)
_SPACE_OR_SIGN = re.compile(r"\W|\Z")
_NESTED = 3  # spaces before what belongs to an item


def quoted(excerpt: EvidenceItem, marked: Sequence[str]) -> str:
    """Return the text of `excerpt` as a block quote that cites it, with the sentences of `marked` in bold."""
    # The title and the headings stand above the quotation.
    names = {_plain(name) for name in (excerpt.title, *excerpt.heading_path)}
    blocks = [
        block
        for block in blocks_of(excerpt)
        if block.kind != "heading" or _plain(excerpt.text[block.start : block.end]) not in names
    ]
    mark = f"[{excerpt.alias}]"
    signs, depths = _signs(excerpt.text, blocks), _depths(excerpt.text, blocks)
    lines: list[str] = []
    for n, block in enumerate(blocks):
        inside = depths[n]
        tight = n > 0 and blocks[n - 1].kind == block.kind and block.kind in ("item", "row")
        lines += [] if n == 0 or tight else [""]
        lines += [
            f"{' ' * _NESTED * inside}{line}".rstrip() for line in _lines(excerpt.text, block, signs[n], mark, marked)
        ]
    return "\n".join(f"> {line}".rstrip() for line in lines)


def _depths(text: str, blocks: Sequence[Block]) -> list[int]:
    """Return in how many items of lists each block stands. The first item of a quotation stands in none."""
    depths: list[int] = []
    last: int | None = None
    for n, block in enumerate(blocks):
        right = inset(text, block)
        if block.kind == "item":
            last = 0 if last is None else min(max(right - 1, 0), last + 1)
            depths.append(last)
        elif block.kind == "row" or last is None or not right:
            depths.append(int(_is_inside(text, blocks, n)))
        else:
            depths.append(min(right - 1, last + 1))
    return depths


def _is_inside(text: str, blocks: Sequence[Block], n: int) -> bool:
    """Whether a paragraph or code stands between two steps with numbers in a row, and belongs to the first."""
    if blocks[n].kind not in ("prose", "code"):
        return False
    before = [_NUMBER.match(text, block.start) for block in blocks[:n] if block.kind == "item"]
    after = [_NUMBER.match(text, block.start) for block in blocks[n + 1 :] if block.kind == "item"]
    if not before or not after or before[-1] is None or after[0] is None:
        return False
    return int(before[-1][1][:-1]) + 1 == int(after[0][1][:-1])


def _signs(text: str, blocks: Sequence[Block]) -> list[str]:
    """Return the mark of a list that each block gets: that of its number, or a dash; empty for what is no item.

    Markdown counts on from the first number of a list, so that a number which does not follow the one above it begins
    a list of its own. With another sign behind the number it does.
    """
    signs: list[str] = []
    last, ending = 0, "."
    for block in blocks:
        number = _NUMBER.match(text, block.start, block.end) if block.kind == "item" else None
        if number:
            value = int(number[1][:-1])
            ending = {".": ")", ")": "."}[ending] if last and value != last + 1 else ending if last else number[1][-1]
            last = value
            signs.append(f"{value}{ending} ")
        else:
            last = 0 if block.kind in ("item", "row") else last
            signs.append("- " if block.kind in ("item", "row") else "")
    return signs


def _lines(text: str, block: Block, sign: str, mark: str, marked: Sequence[str]) -> Iterator[str]:
    said = text[block.start : block.end]
    if block.kind == "code":
        yield from _code(said)
        yield ""
        yield mark
        return
    found = ITEM.match(said) if block.kind == "item" else None
    yield f"{sign}{_bold(said[found.end() :] if found else said, marked)} {mark}"


def _code(text: str) -> list[str]:
    fenced = _FENCED.match(text)
    code = fenced["code"] if fenced else textwrap.dedent(text.expandtabs(4))
    fence = "`" * max(3, *(len(run) + 1 for run in re.findall("`+", code)), 3)
    return [fence, *code.split("\n"), fence]


def _bold(text: str, marked: Sequence[str]) -> str:
    """Return a text on one line of Markdown, with the sentences of `marked` in it in bold."""
    line = " ".join(text.split())
    spans = sorted((at, at + len(each)) for each in marked if each and (at := line.find(each)) >= 0)
    parts: list[str] = []
    done = 0
    for start, end in _adjacent(line, spans):
        # Without a space after it, as in Chinese, the second pair of asterisks would be text.
        if start < done or not _SPACE_OR_SIGN.match(line, end) or line[start].isspace():
            continue
        parts += [line[done:start], line[start:end]]
        done = end
    parts.append(line[done:])
    return "".join(_escaped(part, first=n == 0, bold=bool(n % 2)) for n, part in enumerate(parts))


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()


def _adjacent(line: str, spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the spans, those between which only white space stands as one."""
    joined: list[tuple[int, int]] = []
    for start, end in spans:
        if joined and not line[joined[-1][1] : start].strip():
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def _escaped(part: str, *, first: bool, bold: bool) -> str:
    before, after = part[: len(part) - len(part.lstrip())], part[len(part.rstrip()) :]
    said = part.strip()
    if not said:
        return part
    # Only at the beginning of the line could its first sign make a block.
    text = md_quote(said) if first or bold else md_quote(f"x{said}")[1:]
    return f"**{text}**" if bold else f"{before}{text}{after}"
