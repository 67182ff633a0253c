"""Answers that are the text itself, not JSON: a draft in Markdown, whole or cut off.

A schema names the field that a bare text fills in its class variable `bare_text`, and has a field `cut_off` for whether
the text lacks its end. Markdown inside a JSON string costs a weak model its escapes and a strong one its attention, and
a text that is cut off can be gone on with.
"""

from __future__ import annotations

import re

from pydantic import BaseModel

from state.citation_marks import DRAFT_MARK, aliases_in
from state.sentences import sentences

CUT_OFF = "cut_off"
"""The field of such a schema, and the key in an answer's metadata, that tell that the end of the text is missing."""

CONTINUE = (
    "Your answer was cut off. The message above is what arrived whole. Go on exactly where it ends, with what comes "
    "next, up to the end of the answer. Repeat nothing of it, begin with no remark, and put no code fence around it."
)

_THOUGHT = re.compile(r"\A\s*<(think|thinking|thought|reasoning)>.*?(?:</\1>|\Z)\s*", re.DOTALL | re.IGNORECASE)
_END_OF_THOUGHT = re.compile(r"^[ \t]*</(?:think|thinking|thought|reasoning)>[ \t]*$\s*", re.MULTILINE | re.IGNORECASE)
_OUTER_FENCE = re.compile(r"[ \t]*(`{3,}|~{3,})[ \t]*(?:markdown|md)[ \t]*", re.IGNORECASE)
_FENCE = re.compile(r"[ \t]*(`{3,}|~{3,})")
_OWN_LINE = re.compile(r"(#)|([|>]|`{3}|~{3})|(?:[-*+]|\d{1,3}[.)])\s")
_MARKS = re.compile(rf"(?:\s*{DRAFT_MARK.pattern})+")
_UNFINISHED_MARK = re.compile(r"\s*[\[【][^\]】]{0,40}")
_ENDS = re.compile(r"[.!?。！？\]】][\"'”’»)*_]*\Z")

_REMARK_CHARS = 200
"""Most characters before or after a fenced answer that count as a remark on it: two sentences. A chosen value."""

_OVERLAP_CHARS, _MIN_OVERLAP = 400, 12
"""How much of the end of a text its continuation may repeat. A shorter repetition may be meant, as `| yes |`."""

_SAME_BEGINNING = 40
"""How many letters an answer that starts over has in common with the text, or its first claim. A chosen value."""

_WORD = re.compile(r"\w+")
_MARKUP = " \t#>*_`~|-"


def bare_field(schema: type[BaseModel]) -> str:
    """Return the name of the field that a bare text fills, empty if the schema takes JSON only."""
    return str(getattr(schema, "bare_text", ""))


def without_thoughts(text: str) -> str:
    """Return `text` without a block of thoughts before the answer.

    Some servers leave out the opening tag, which their chat template wrote. A block without an end is a thought to the
    end: the answer is still to come.

    >>> without_thoughts("<think>Ten? Ten.</think>\\nTen a minute.")
    'Ten a minute.'
    """
    found = _THOUGHT.match(text) or _END_OF_THOUGHT.search(text)
    return text[found.end() :] if found else text


def unwrapped(text: str) -> str:
    """Return `text` without a fence ```` ```markdown ```` around it, and without remarks before and after that."""
    lines = text.strip().split("\n")
    opened = next((n for n, line in enumerate(lines) if _OUTER_FENCE.fullmatch(line)), None)
    if opened is None:
        return text.strip()
    mark = _OUTER_FENCE.fullmatch(lines[opened])[1]  # type: ignore[index]  # it matched in the line above
    closed = max((n for n, line in enumerate(lines) if n > opened and line.strip() == mark), default=len(lines))
    around = "\n".join(lines[:opened]), "\n".join(lines[closed + 1 :])
    if any(len(remark) > _REMARK_CHARS or aliases_in(remark) for remark in around):
        return text.strip()
    return "\n".join(lines[opened + 1 : closed]).strip()


def whole_part(text: str) -> str:
    """Return the beginning of a text that was cut off, up to its last complete block or sentence.

    A code block without its end goes: nobody can tell what is missing of it. So does a table row, list item or
    paragraph, except for its complete sentences.

    >>> whole_part("Ten a minute [E1]. Sixty an ho")
    'Ten a minute [E1].'
    """
    inner = text.lstrip()
    if _OUTER_FENCE.fullmatch(inner.partition("\n")[0]):
        inner = inner.partition("\n")[2]
    open_at = _open_fence(inner)
    if open_at is not None:
        return inner[:open_at]
    start = inner.rfind("\n") + 1
    return inner[:start] + _complete(inner[start:])


def continued(text: str, answer: str, *, cut_off: bool) -> tuple[str, bool]:
    """Return the text that was asked to go on, and whether its end is still missing.

    - An answer that goes on is joined to the text.
    - One that starts over replaces it, unless the text says more: what it has more is paid for. Of a whole answer the
      marks are counted, since the same claims may have fewer letters; of one that is cut off in turn, the letters.
    - One that adds nothing leaves the text as it is, without its end: nothing, thoughts alone, or a refusal.

    Args:
        text: the `whole_part` of an answer that was cut off.
        answer: what the model said when it was asked to go on.
        cut_off: whether that was cut off in turn.
    """
    said = without_thoughts(answer)
    anew = _begun_anew(text, unwrapped(said))
    if anew:
        whole = whole_part(anew) if cut_off else anew
        size = len if cut_off else _marks
        return (text, True) if size(whole) < size(text.rstrip()) else (whole, cut_off)
    if not _goes_on(said):
        return text, True
    whole = joined(text, said)
    return (whole_part(whole), True) if cut_off else (whole, False)


def _marks(text: str) -> int:
    return len(DRAFT_MARK.findall(text))


def joined(text: str, continuation: str) -> str:
    """Return the `whole_part` of a text that was cut off, with its continuation.

    >>> joined("Ten a minute [E1].", "Sixty an hour [E2].")
    'Ten a minute [E1]. Sixty an hour [E2].'
    """
    more = _without_repetition(text.rstrip(), continuation)
    if not more.strip():
        return text
    last, first = text.rstrip().rpartition("\n")[2], more.strip().partition("\n")[0]
    whole = text + _between(text, _shape(last), _shape(first), continuation) + more.strip()
    open_at = _open_fence(whole)
    # The end of a fence around the whole answer, whose beginning was taken off the text.
    return whole[:open_at] if open_at is not None and "\n" not in whole[open_at:] else whole


def _goes_on(said: str) -> bool:
    """Return whether a continuation holds something of a draft: a sentence that cites, or code.

    Every sentence of a draft cites its source. A refusal or a remark cites nothing, in whichever language it is.
    """
    fenced, inside = False, False
    for line in said.split("\n"):
        if _FENCE.match(line):
            fenced = not fenced
        inside |= fenced and bool(line.strip()) and not _FENCE.match(line)
    return inside or bool(aliases_in(said))


def _begun_anew(text: str, said: str) -> str:
    """Return the part of `said` that has the beginning of `text`, whatever its markup; empty if it goes on instead.

    Only a remark may stand before it. Behind a claim the same words are a repetition.
    """
    beginning: list[str] = []
    mark = DRAFT_MARK.search(text)
    for word in _WORD.findall(text[: mark.end()] if mark else text):  # up to the end of the first claim
        if sum(map(len, beginning)) < _SAME_BEGINNING:
            beginning.append(re.escape(word))
    if sum(map(len, beginning)) < _MIN_OVERLAP:
        return ""
    found = re.search(r"\b" + r"\W+".join(beginning) + r"\b", said, re.IGNORECASE)
    if not found or aliases_in(said[: found.start()]):
        return ""
    return said[len(said[: found.start()].rstrip(_MARKUP)) :].lstrip()


def _between(text: str, last: str, first: str, continuation: str) -> str:
    """Return the white space between a text, whose last line is of one shape, and its continuation of another."""
    if not text or continuation.lstrip()[:1] in tuple(".,;:!?。、，；：！？)"):
        return ""
    within_block = last == first != "" or (text.endswith("\n") and last != "|")
    starts_block = bool(first) or last in ("|", "#") or continuation.startswith("\n\n")
    wanted = "\n" if within_block else "\n\n" if starts_block else " "
    there = len(text) - len(text.rstrip("\n"))
    return wanted[there:] if wanted != " " else wanted


def _open_fence(text: str) -> int | None:
    """Return where the code block begins that does not end, `None` if there is none."""
    opened, mark, position = None, "", 0
    for line in text.splitlines(keepends=True):
        fence = _FENCE.match(line)
        if fence and opened is None:
            opened, mark = position, fence[1]
        elif fence and fence[1].startswith(mark) and line.strip() == fence[1]:
            opened = None
        position += len(line)
    return opened


def _complete(line: str) -> str:
    """Return the complete sentences of an unfinished line; nothing of a table row or a heading."""
    if line.lstrip().startswith(("|", "#")):
        return ""
    ends = [0, *(end for _, end in sentences(line))]
    last = line[ends[-2] :].strip() if len(ends) > 1 else ""
    if aliases_in(last) and _ENDS.search(last):
        return line[: ends[-1]]
    whole = line[: ends[-2]] if len(ends) > 1 else ""
    rest = line[len(whole) :]
    if whole and _UNFINISHED_MARK.fullmatch(rest):  # of the sentence before it, which cites nothing without it
        return line[: ends[-3]] if len(ends) > 2 else ""
    marks = _MARKS.match(rest) if whole else None
    return whole + (marks[0] if marks else "")


def _without_repetition(text: str, more: str) -> str:
    start = more.lstrip()
    for size in range(min(_OVERLAP_CHARS, len(text), len(start)), _MIN_OVERLAP - 1, -1):
        if text.endswith(start[:size]):
            return start[size:]
    return more


def _shape(line: str) -> str:
    """Return what kind of block a line begins or goes on with: `#`, `|`, `>`, a fence or `-`; empty for a paragraph."""
    found = _OWN_LINE.match(line.lstrip())
    return (found[1] or found[2] or "-") if found else ""
