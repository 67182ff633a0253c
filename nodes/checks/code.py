"""Whether the code of a claim is code of a passage: whole statements of a block, or a whole inline span."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_FENCE = re.compile(r"\s{0,3}(?:`{3,}|~{3,})\s*(?P<info>[^`]*)")
_INLINE = re.compile(r"(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)
_PROMPT = re.compile(r"(?:\$|>>>|>|PS>|SQL>|\d{1,3}[.)])\s+")
_INTRODUCES = re.compile(r"\A\s*\.\. (?:code|code-block|sourcecode|parsed-literal|prompt)::|\A(?!\s*\.\. ).*::\s*\Z")
_INDENT = 4  # spaces that make a block of code in Markdown

# A document without markup, such as a PDF, shows its code as lines of text. Lines that could be prose are no code.
_CODE_SIGN = re.compile(r"[=;{}()<>$|\\_#@&*+/\[\]]|\s--?\w|\A\s*[A-Z]{2,}\b")
_COMMAND = re.compile(r"\s*[a-z][\w-]*(?:\s+[\w./:-]+){0,3}\s*")  # such as `pip install sixplane`, in a line by itself
_PROSE = re.compile(r"(?:\b[a-z]{2,} ){4}|[.!?]\s*\Z|\A\s*[A-Z][a-z]+ [a-z]{2,}\b")

# A line that begins or ends like this is a part of a statement, which says something else without the rest.
_CONTINUES = re.compile(
    r"\s*(?:[)\]}.,|&+*/<=?:-]"
    r"|(?:where|and|or|from(?!\s+[\w.]+\s+import\b)|join|left|right|inner|outer|on|set|values|group|order|having"
    r"|limit|offset|fetch|into|using"
    r"|union|minus|returning|as|when|then|else|elif|except|finally|catch|end|do|done|fi)\b)",
    re.IGNORECASE,
)
_UNFINISHED = re.compile(
    r"(?:[\\,(\[{=:+*/|&<-]|\b(?:and|or|not|in|is|from|where|on|set|by|values|into|join|as))\s*\Z", re.IGNORECASE
)


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


def code_span(code: str, text: str) -> tuple[int, int] | None:
    """Return the span of `text` that holds `code`, or `None`.

    The same lines with the same indentation, from the start of a statement to the end of one, since a command that ends
    early (`DELETE FROM t` without its `WHERE`) and a line without the condition around it are other commands.
    """
    wanted = [line for line in _lines(code) if line.text.strip()]
    if not wanted:
        return None
    for match in _INLINE.finditer(text):
        if len(wanted) == 1 and match[2].split() == code.split():
            return match.span(2)
    found = (_within(wanted, region) for region in _regions(text))
    return next((span for span in found if span is not None), None)


def _within(wanted: list[_Line], region: list[_Line]) -> tuple[int, int] | None:
    filled = [n for n, line in enumerate(region) if line.text.strip()]
    outermost = min((region[n].indent for n in filled), default=0)
    said, shape = [line.words for line in wanted], _shape(wanted)
    for first in range(len(filled) - len(wanted) + 1):
        chosen = filled[first : first + len(wanted)]
        lines = [region[n] for n in chosen]
        if [line.words for line in lines] != said or _shape(lines) != shape:
            continue
        whole = _begins(region, chosen[0]) and _ends(region, chosen[-1])
        if whole and min(line.indent for line in lines) == outermost:
            return lines[0].start, lines[-1].end
    return None


def _shape(lines: list[_Line]) -> list[int]:
    """Return how far each line is indented beyond the least of them."""
    least = min(line.indent for line in lines)
    return [line.indent - least for line in lines]


def _begins(region: list[_Line], n: int) -> bool:
    above = region[n - 1].text if n else ""
    return not above.strip() or not (_UNFINISHED.search(above) or _CONTINUES.match(region[n].text))


def _ends(region: list[_Line], n: int) -> bool:
    below = region[n + 1] if n + 1 < len(region) else None
    if below is None or not below.text.strip():
        return True
    deeper = below.indent > region[n].indent
    return not (deeper or _UNFINISHED.search(region[n].text) or _CONTINUES.match(below.text))


def _regions(text: str) -> Iterator[list[_Line]]:
    """Yield the blocks of code of `text`; of a text that marks none, the runs of lines that are no prose."""
    lines = _lines(text)
    fences = [n for n, line in enumerate(lines) if _FENCE.fullmatch(line.text)]
    indented = [*_indented(lines)]
    if not fences and not indented:
        yield from _runs(lines)
        return
    yield from indented
    borders = [-1, *fences] if _starts_inside(lines, fences) else fences
    for opened, closed in zip(borders[::2], [*borders[1::2], len(lines)], strict=False):
        yield lines[opened + 1 : closed]


def _starts_inside(lines: list[_Line], fences: list[int]) -> bool:
    """Whether the text begins within a block, as a passage cut out of a long one does: its first fence closes it."""
    if len(fences) % 2 == 0:
        return False
    first, last = (_FENCE.fullmatch(lines[n].text) for n in (fences[0], fences[-1]))
    return not (first and first["info"]) and not (len(fences) > 1 and last and last["info"])


def _indented(lines: list[_Line]) -> Iterator[list[_Line]]:
    """Yield the indented blocks: below an introduction in reStructuredText, or by four spaces in Markdown."""
    block: list[_Line] = []
    least, introduced, above = _INDENT, False, _Line(0, "")
    for n, line in enumerate(lines):
        filled = bool(line.text.strip())
        if filled and not block:
            introduced = bool(_INTRODUCES.search(above.text))
            least = above.indent + 1 if introduced else _INDENT
        if (line.indent >= least and (block or introduced or _blank(lines, n - 1))) if filled else block:
            block.append(line)
        elif block:
            yield from [block] if introduced else _runs(block)
            block = []
        above = line if filled else above
    if block:
        yield from [block] if introduced else _runs(block)


def _runs(lines: list[_Line]) -> Iterator[list[_Line]]:
    run: list[_Line] = []
    for n, line in enumerate(lines):
        alone = _blank(lines, n - 1) and _blank(lines, n + 1)
        code = _CODE_SIGN.search(line.text) or (alone and _COMMAND.fullmatch(line.text))
        if not line.text.strip() or (code and not _PROSE.search(line.text)):
            run.append(line)
        elif run:
            yield run
            run = []
    if run:
        yield run


def _blank(lines: list[_Line], n: int) -> bool:
    return not 0 <= n < len(lines) or not lines[n].text.strip()


def _lines(text: str) -> list[_Line]:
    found, at = [], 0
    for line in text.split("\n"):
        found.append(_Line(at, line))
        at += len(line) + 1
    return found
