"""The labels of list items and headings, which stand in no text of the file."""

from __future__ import annotations

from typing import NamedTuple

from lxml import etree

from retrieval.loaders.office.numbering import formatted
from retrieval.loaders.office.package import local, value, whole

_BULLET = "-"
_MOST_LEVELS = 10
_FORMS = {"a": "lowerLetter", "A": "upperLetter", "i": "lowerRoman", "I": "upperRoman"}
_OUTLINE = "outline-style"


class _Level(NamedTuple):
    form: str = ""
    before: str = ""
    after: str = ""
    start: int = 1
    shown: int = 1
    is_bullet: bool = False


class Lists:
    """Knows the styles of lists, and counts their items."""

    def __init__(self, roots: list[etree._Element]) -> None:
        self._styles: dict[str, dict[int, _Level]] = {}
        for root in reversed(roots):
            for style in root.iter("{*}list-style", "{*}outline-style"):
                name = _OUTLINE if local(style) == _OUTLINE else value(style, "name") or ""
                self._styles[name] = {whole(value(each, "level"), 1): _level(each) for each in style}
        self._outline: list[int] = []

    def label(self, style: str, counters: list[int], level: int) -> str:
        """Count an item at `level`, from 1, of a list whose items were counted in `counters`; return its label."""
        levels = self._styles.get(style, {})
        own = levels.get(level, _Level(is_bullet=style != _OUTLINE))
        del counters[level:]
        counters += [levels.get(at, _Level()).start - 1 for at in range(len(counters) + 1, level + 1)]
        counters[level - 1] += 1
        if own.is_bullet:
            return _BULLET
        if not own.form:
            return ""
        first = max(level - own.shown, 0)
        numbers = [
            formatted(max(counters[at], 1), _FORMS.get(levels.get(at + 1, own).form, "decimal"))
            for at in range(first, level)
        ]
        return f"{own.before}{'.'.join(numbers)}{own.after}".strip()

    def heading_label(self, level: int) -> str:
        """Count a heading; return its number, or nothing."""
        return self.label(_OUTLINE, self._outline, min(level, _MOST_LEVELS)) if _OUTLINE in self._styles else ""


def _level(element: etree._Element) -> _Level:
    return _Level(
        value(element, "num-format") or "",
        value(element, "num-prefix") or "",
        value(element, "num-suffix") or "",
        whole(value(element, "start-value"), 1),
        min(whole(value(element, "display-levels"), 1), _MOST_LEVELS),
        local(element) in ("list-level-style-bullet", "list-level-style-image"),
    )
