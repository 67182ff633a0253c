"""Whether the code of a claim is code of a passage: whole statements of a block, or a whole inline span."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from nodes.checks.statements import UNDERLINE, is_refuted
from nodes.checks.words import tokens

_FENCE = re.compile(r"\s{0,3}(?:`{3,}|~{3,})\s*(?P<info>[^`]*)")
_INLINE = re.compile(r"(`{1,2})(?!`)([^\n]{1,400}?)(?<!`)\1(?!`)")
_PROMPT = re.compile(r"(?:\$|>>>|>|PS>|SQL>|\d{1,3}[.)])\s+")
_INTRODUCES = re.compile(r"\A\s*\.\. (?:code|code-block|sourcecode|parsed-literal|prompt)::|\A(?!\s*\.\. ).*::\s*\Z")
_ITEM = re.compile(r"\s*(?:[-*+•]|\d{1,3}[.)])\s")
_PROMPTED = re.compile(r"\s*(?:\$|>>>|PS>|SQL>)\s")
_WARNING_CHARS = 200  # of the text above a block that may warn of it; a chosen value
_INSET = 2  # spaces before what belongs to an item of a list
_INDENT = 4  # spaces that make a block of code in Markdown

# A document without markup, such as a PDF, shows its code as lines of text. Lines that could be prose are no code.
_CODE_SIGN = re.compile(r"[=;{}()<>$|\\_#@&*+/\[\]]|\s--?\w|\A\s*[A-Z]{2,}\b")
_COMMAND = re.compile(r"\s*[a-z][\w-]*(?:\s+[\w./:-]+){0,3}\s*")  # such as `pip install sixplane`, in a line by itself
_PROSE = re.compile(r"(?:\b[a-z]{2,} ){4}|[.!?]\s*\Z|\A\s*[A-Z][a-z]+ [a-z]{2,}\b")
_COMMENT = re.compile(r"\s*(?:#|//|--|;|/\*|\*)")

# A line that begins or ends like this is a part of a statement, which says something else without the rest.
_CONTINUES = re.compile(
    r"\s*(?:[)\]}.,|&+*/<=?:-]"
    r"|(?:where|and|or|from(?!\s+[\w.]+\s+import\b)|join|left|right|inner|outer|on|set|values|group|order|having"
    r"|limit|offset|fetch|into|using"
    r"|union|minus|returning|as|when|then|else|elif|except|finally|catch|end|do|done|fi|like|between|is|not|exists|to"
    r"|for update|within|identified|default|references)\b)",
    re.IGNORECASE,
)
_UNFINISHED = re.compile(
    r"(?:[\\,(\[{=:+*/|&<-]|\b(?:and|or|not|in|is|from|where|on|set|by|values|into|join|as))\s*\Z", re.IGNORECASE
)
_CONDITION = re.compile(r"\s*(?:if|for|while|else|elif|do|when|unless)\b")
_TERMINATED = re.compile(r"[;}{]\s*(?:(?:#|//|--).*)?\Z")


@dataclass(frozen=True)
class _Line:
    start: int
    text: str

    @property
    def end(self) -> int:
        return self.start + len(self.text)

    @property
    def indent(self) -> int:
        bare = self.text.expandtabs(_INDENT)
        return len(bare) - len(bare.lstrip())

    @property
    def words(self) -> list[str]:
        """The words without a prompt. White space within a line means nothing."""
        return _PROMPT.sub("", self.text.strip(), count=1).split()


@dataclass(frozen=True)
class CodeFound:
    """Where a passage has the code. `certain` tells that it is code there, whole, and that nothing warns of it."""

    start: int
    end: int
    certain: bool


def find_code(code: str, text: str, context: str = "") -> CodeFound | None:
    """Return where `text` has `code`, or `None`. `context` is what the reader has read before it.

    The same lines with the same indentation, from the start of a statement to the end of one, since a command that ends
    early (`DELETE FROM t` without its `WHERE`) and a line without the condition around it are other commands. A text
    without markup, as of a PDF, may have lines that look like prose, and code may stand below a warning that is not in
    the context: not certain.
    """
    wanted = [line for line in _lines(code) if line.text.strip()]
    if not wanted:
        return None
    for region in _regions(text):
        if span := _within(wanted, region):
            return CodeFound(*span, certain=not _warned(text, region, span[0], context))
    for match in _INLINE.finditer(text) if len(wanted) == 1 else ():
        if match[2].split() == code.split():
            return CodeFound(*match.span(2), certain=not is_refuted(text[: match.start()][-_WARNING_CHARS:]))
    lines = _lines(text)
    span = None if any(_FENCE.fullmatch(line.text) for line in lines) else _within(wanted, lines)
    return CodeFound(*span, certain=False) if span else None


def _warned(text: str, region: list[_Line], at: int, context: str) -> bool:
    """Whether the words above the block that a reader has not read, or a comment above the line at `at`, may warn of
    it.
    """
    above = text[: region[0].start].rstrip("`~ \t\n")[-_WARNING_CHARS:]
    unread = tokens(above)
    for told in reversed(tokens(context)):
        if not unread or unread[-1].text != told.text:
            break
        above = above[: unread.pop().start]
    comments = "\n".join(line.text for line in region if line.start < at and _COMMENT.match(line.text))
    return is_refuted(f"{above}\n{comments}")


def _within(wanted: list[_Line], region: list[_Line]) -> tuple[int, int] | None:
    filled = [n for n, line in enumerate(region) if line.text.strip()]
    outermost = min((region[n].indent for n in filled), default=0)
    said, shape = [line.words for line in wanted], _shape(wanted)
    words = [region[n].words for n in filled]
    for first in range(len(filled) - len(wanted) + 1):
        if words[first] != said[0] or words[first : first + len(said)] != said:
            continue
        chosen = filled[first : first + len(wanted)]
        lines = [region[n] for n in chosen]
        inside = min(line.indent for line in lines) > outermost
        part = first + len(wanted) < len(filled) and region[filled[first + len(wanted)]].indent > outermost
        if _shape(lines) == shape and not inside and not part and _is_whole(region, filled, first, len(wanted)):
            return lines[0].start, lines[-1].end
    return None


def _shape(lines: list[_Line]) -> list[int]:
    """Return how far each line is indented beyond the least of them."""
    least = min(line.indent for line in lines)
    return [line.indent - least for line in lines]


def _is_whole(region: list[_Line], filled: list[int], first: int, count: int) -> bool:
    """Whether `count` lines from the `first` are whole statements. Blank lines end none by themselves."""
    before = region[filled[first - 1]] if first else None
    last = region[filled[first + count - 1]]
    after = region[filled[first + count]] if first + count < len(filled) else None
    # Where lines end in `;`, one that does not is the beginning of a statement, whatever its words are.
    ended = any(_TERMINATED.search(region[n].text) for n in filled)
    begins = before is None or not _goes_on(before, region[filled[first]], ended=ended)
    return begins and (after is None or not _goes_on(last, after, ended=ended))


def _goes_on(line: _Line, below: _Line, *, ended: bool) -> bool:
    """Whether `below` belongs to the statement of `line`."""
    if _COMMENT.match(below.text) or _TERMINATED.search(line.text):
        return False
    if ended and not _COMMENT.match(line.text) and not _PROMPTED.match(below.text):
        return True
    part = below.indent > line.indent or _CONDITION.match(line.text)
    return bool(part or _UNFINISHED.search(line.text) or _CONTINUES.match(below.text))


def _regions(text: str) -> Iterator[list[_Line]]:
    """Yield the blocks of code of `text`; of a text that marks none, the runs of lines that are no prose."""
    lines = _lines(text)
    fences = [n for n, line in enumerate(lines) if _FENCE.fullmatch(line.text)]
    indented = [*_indented(lines)]
    if not fences and not indented:
        yield from _runs(lines)
        return
    yield from indented
    inside = _starts_inside(lines, fences)
    borders = [-1, *fences] if inside else fences
    for opened, closed in zip(borders[::2], [*borders[1::2], len(lines)], strict=False):
        block = lines[opened + 1 : closed]
        # Without a language nothing tells which fence opens; then only what cannot be prose is code.
        yield from [block] if inside is not None else _runs(block)


def _starts_inside(lines: list[_Line], fences: list[int]) -> bool | None:
    """Whether the text begins within a block, as a passage that is cut out of a long one may, `None` if unclear.

    A fence with a language opens a block and never closes one. So the number of fences before it tells.
    """
    for n, line in enumerate(fences):
        found = _FENCE.fullmatch(lines[line].text)
        if found and found["info"].strip():
            return n % 2 == 1
    return None if len(fences) % 2 == 0 else not _looks_like_prose(lines[: fences[0]])


def _looks_like_prose(lines: list[_Line]) -> bool:
    filled = [line for line in lines if line.text.strip()]
    return not filled or any(_PROSE.search(line.text) and not _COMMENT.match(line.text) for line in filled)


def _indented(lines: list[_Line]) -> Iterator[list[_Line]]:
    """Yield the indented blocks: below an introduction in reStructuredText, or by four spaces in Markdown."""
    block: list[_Line] = []
    least, introduced, listed, deep, above = _INDENT, False, False, False, _Line(0, "")
    for n, line in enumerate(lines):
        filled = bool(line.text.strip())
        if filled and not block:
            introduced = bool(_INTRODUCES.search(above.text))
            least = above.indent + 1 if introduced else _INDENT
            # The second paragraph of a list's item is indented too; code in an item is four spaces further in.
            item = bool(_ITEM.match(above.text))
            listed = item or above.indent > 0 or (listed and line.indent > 0)
            deep = line.indent >= above.indent + _INSET * item + _INDENT
        if (line.indent >= least and (block or introduced or _blank(lines, n - 1))) if filled else block:
            block.append(line)
        elif block:
            yield from [block] if introduced or not listed or (deep and _has_signs(block)) else _runs(block)
            block = []
        above = line if filled else above
    if block:
        yield from [block] if introduced or not listed or (deep and _has_signs(block)) else _runs(block)


def _has_signs(block: list[_Line]) -> bool:
    return any(_CODE_SIGN.search(line.text) for line in block)


def _runs(lines: list[_Line]) -> Iterator[list[_Line]]:
    """Yield the runs of lines that are no prose and do not stand inside a paragraph of prose."""
    run: list[_Line] = []
    above = ""
    for n, line in enumerate(lines):
        alone = _blank(lines, n - 1) and _blank(lines, n + 1)
        code = _CODE_SIGN.search(line.text) or (alone and _COMMAND.fullmatch(line.text))
        if not line.text.strip() or (code and not _PROSE.search(line.text)):
            run.append(line)
            continue
        if run and _apart(above, run, line.text):
            yield run
        run, above = [], line.text
    if run and _apart(above, run, ""):
        yield run


def _apart(above: str, run: list[_Line], below: str) -> bool:
    """Whether blank lines, an introduction or the underline of a heading part the run from the prose around it."""
    begins = (
        not above.strip() or above.rstrip().endswith(":") or not run[0].text.strip() or UNDERLINE.fullmatch(run[0].text)
    )
    return bool(begins and (not below.strip() or not run[-1].text.strip()))


def _blank(lines: list[_Line], n: int) -> bool:
    return not 0 <= n < len(lines) or not lines[n].text.strip()


def _lines(text: str) -> list[_Line]:
    found, at = [], 0
    for line in text.split("\n"):
        found.append(_Line(at, line))
        at += len(line) + 1
    return found
