"""The numbers and letters that Word writes before list items and headings; they stand in no text of the file."""

from __future__ import annotations

import re
from typing import NamedTuple

from lxml import etree

from retrieval.loaders.office.package import child, local, value, whole

_BULLET = "-"
_PLACE = re.compile(r"%([1-9])")
_LEVELS = 9
_MOST_LETTERS = 27 * 26  # letters repeat after z: aa, bb; a damaged start must not ask for thousands
_ROMAN = (
    *((1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl"), (10, "x")),
    *((9, "ix"), (5, "v"), (4, "iv"), (1, "i")),
)


class _Level(NamedTuple):
    start: int = 1
    form: str = "decimal"
    text: str = ""
    legal: bool = False


class Numbering:
    """Counts the paragraphs of each list, in the order in which they are asked for."""

    def __init__(self, root: etree._Element | None) -> None:
        self._lists: dict[str, dict[int, _Level]] = {}
        self._list_of: dict[str, str] = {}
        self._restarts: dict[str, dict[int, int]] = {}
        self._counters: dict[str, list[int | None]] = {}
        for each in () if root is None else root:
            if local(each) == "abstractNum":
                self._lists[value(each, "abstractNumId") or ""] = _levels(each)
            elif local(each) == "num":
                number = value(each, "numId") or ""
                self._list_of[number] = value(child(each, "abstractNumId")) or ""
                self._restarts[number] = _overrides(each)

    def label(self, number: str, level: int) -> str:
        """Return the label of the next paragraph of the list `number` at `level`, counted from 0; "" for none."""
        name = self._list_of.get(number)
        levels = self._lists.get(name or "", {})
        if name is None or level not in levels:
            return ""
        counters = self._counters.setdefault(name, [None] * _LEVELS)
        # A list that is restarted counts anew once, where it is first used.
        for at, start in self._restarts.pop(number, {}).items():
            counters[at] = start - 1
        counted = counters[level]
        counters[level] = levels[level].start if counted is None else counted + 1
        counters[level + 1 :] = [None] * (_LEVELS - level - 1)
        return _label(levels, counters, level)


def _levels(definition: etree._Element) -> dict[int, _Level]:
    found = {}
    for each in definition:
        if local(each) == "lvl":
            found[whole(value(each, "ilvl"))] = _Level(
                whole(value(child(each, "start")), 1),
                value(child(each, "numFmt")) or "decimal",
                value(child(each, "lvlText")) or "",
                child(each, "isLgl") is not None,
            )
    return {at: level for at, level in found.items() if 0 <= at < _LEVELS}


def _overrides(number: etree._Element) -> dict[int, int]:
    """Return the levels that the list counts anew, and from where."""
    starts = ((whole(value(each, "ilvl")), child(each, "startOverride")) for each in number)
    return {at: whole(value(start), 1) for at, start in starts if start is not None and 0 <= at < _LEVELS}


def _label(levels: dict[int, _Level], counters: list[int | None], level: int) -> str:
    own = levels[level]
    if own.form == "bullet":
        return _BULLET
    if own.form == "none":
        return ""

    def part(match: re.Match[str]) -> str:
        at = int(match[1]) - 1
        each = levels.get(at, _Level())
        count = counters[at]
        return formatted(each.start if count is None else count, "decimal" if own.legal else each.form)

    return _PLACE.sub(part, own.text).strip()


def formatted(count: int, form: str) -> str:
    """Return a count as Word writes it in the format `form`; formats that are not known are written in digits."""
    if form in ("lowerLetter", "upperLetter") and 0 < count <= _MOST_LETTERS:
        repeated, at = divmod(count - 1, 26)
        text = chr(ord("a") + at) * (repeated + 1)
    elif form in ("lowerRoman", "upperRoman") and 0 < count < 4000:
        text = ""
        for amount, letters in _ROMAN:
            times, count = divmod(count, amount)
            text += letters * times
    else:
        return f"{count:02d}" if form == "decimalZero" else "" if form == "bullet" else str(count)
    return text.upper() if form.startswith("upper") else text
