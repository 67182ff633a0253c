"""The labels of pages, as people cite them: `iv`, `A-2`. A document keeps them as runs in its metadata.

A run is `[page, prefix, style, number]`: the page where it begins, counted from 1, what stands before each number, `D`
(1), `r` (i), `R` (I), `a` or `A`, and the first number; with an empty style, the prefix is the whole label. These are
the runs of PDF.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

PAGE_LABELS = "page_labels"
"""Key of a document's metadata: the runs of its page labels, for those that differ from the count of the pages."""

_MOST_RUNS = 100
"""A document with more runs keeps none: they stand in the metadata of each of its passages. A chosen value."""

_MOST_NUMBER = 1_000_000
_CITED = re.compile(r"[^\W_](?:[^\W_]|[ .\u2013-]){0,29}")
"""A label that is shown: letters and digits, with spaces, points and hyphens between them."""

_ROMAN = (
    *((1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl"), (10, "x")),
    *((9, "ix"), (5, "v"), (4, "iv"), (1, "i")),
)
_ROMAN_END = re.compile(r"(?:m{0,3}(?:cm|cd|d?c{0,3})(?:xc|xl|l?x{0,3})(?:ix|iv|v?i{0,3}))\Z")
_Run = tuple[int, str, str, int]


def runs_of(labels: Sequence[str]) -> list[list[int | str]]:
    """Return the runs of the labels of all pages; none if they are the count of the pages, or are too many."""
    if all(label in ("", str(n)) for n, label in enumerate(labels, 1)):
        return []
    runs: list[_Run] = []
    for page, label in enumerate(labels, 1):
        if not runs or _label(runs[-1], page) != label:
            following = labels[page] if page < len(labels) else ""
            runs.append(_begun(page, label, following))
    return [list(run) for run in runs] if len(runs) <= _MOST_RUNS else []


def label_of(metadata: Mapping[str, Any], page: int | None) -> str:
    """Return the label of a page, or an empty string if it has none, or if it is the count of the page."""
    runs = metadata.get(PAGE_LABELS)
    if page is None or not isinstance(runs, list):
        return ""
    # Metadata of LangChain documents may hold anything under this key.
    begun = [run for each in runs if (run := _checked(each)) and run[0] <= page]
    label = _label(max(begun), page) if begun else ""
    return label if _CITED.fullmatch(label) and label != str(page) else ""


def _checked(run: Any) -> _Run | None:
    match run:
        case [int(page), str(prefix), "" | "D" | "r" | "R" | "a" | "A" as style, int(number)]:
            return (page, prefix, style, number) if 0 <= number <= _MOST_NUMBER else None
    return None


def _begun(page: int, label: str, following: str) -> _Run:
    """Return the run that begins with `label`; the label after it tells whether `v` is a number."""
    candidates = [(page, prefix, style, number) for prefix, style, number in _readings(label)]
    literal = (page, label, "", 0)
    if following == label:
        return literal
    return next((run for run in candidates if _label(run, page + 1) == following), (candidates or [literal])[0])


def _readings(label: str) -> Iterator[tuple[str, str, int]]:
    digits = re.search(r"(?:0|[1-9][0-9]{0,5})\Z", label)
    if digits:
        yield label[: digits.start()], "D", int(digits[0])
    for style, text in (("r", label), ("R", label.swapcase())):
        found = _ROMAN_END.search(text)
        if found and found[0]:
            yield label[: found.start()], style, _number_of(found[0])
    if re.search(r"(?<![^\W\d_])[A-Za-z]\Z", label):
        letter = label[-1]
        yield label[:-1], "a" if letter.islower() else "A", ord(letter.lower()) - ord("a") + 1


def _label(run: _Run, page: int) -> str:
    begun, prefix, style, number = run
    at = number + page - begun
    if not style:
        return prefix
    text = str(at)
    if style in "rR":
        text = _roman(at)
    elif style in "aA":
        # After `z` comes `aa`, then `bb`.
        text = chr(ord("a") + (at - 1) % 26) * ((at - 1) // 26 + 1)
    return prefix + (text.upper() if style in "RA" else text)


def _roman(number: int) -> str:
    text = ""
    for value, letters in _ROMAN:
        text += letters * (number // value)
        number %= value
    return text


def _number_of(text: str) -> int:
    number, at = 0, 0
    for value, letters in _ROMAN:
        while text.startswith(letters, at):
            number, at = number + value, at + len(letters)
    return number
