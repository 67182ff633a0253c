"""Hyphens at the ends of lines: those that divide a word go, those that belong to it stay."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from retrieval.loaders.pdf.pages import HYPHEN, Line

_WORD = re.compile(r"[^\W_]+(?:-[^\W_]+)*")
_ENDS = (HYPHEN, "-", "\xad", "\u2010")
_NOT_A_WORD = re.compile(r"[/\\@_.:=#&0-9]")
"""What addresses, paths, names and codes hold; a hyphen in one of these belongs to it."""


class Words:
    """The words of a document, to tell whether one that is divided at the end of a line has a hyphen of its own."""

    def __init__(self, pages: Iterable[Sequence[Line]]) -> None:
        self._count: Counter[str] = Counter()
        for lines in pages:
            broken = False
            for line in lines:
                found = _WORD.findall(line.text.casefold())
                at_end = line.text.endswith(_ENDS)
                # The halves of a divided word do not stand in the document as words.
                whole = found[int(broken) : len(found) - at_end]
                self._count.update(whole)
                self._count.update(part for word in whole if "-" in word for part in word.split("-"))
                broken = at_end

    def joined(self, lines: Sequence[Line]) -> list[Line]:
        """Return the lines of a page with each divided word whole, on the line where it begins."""
        done: list[Line] = []
        for line in lines:
            if not (done and done[-1].text.endswith(_ENDS)):
                done.append(line)
                continue
            last = done[-1]
            before = last.text[:-1]
            rest, _, others = line.text.partition(" ")
            if not _goes_on(before, rest):
                done[-1] = last._replace(text=f"{before}-")
                done.append(line)
                continue
            hyphen = "-" if self._keeps(before.rpartition(" ")[2], rest) else ""
            done[-1] = last._replace(text=f"{before}{hyphen}{rest}")
            if others.strip():
                done.append(line._replace(text=others.strip()))
        if done and done[-1].text.endswith(_ENDS):
            done[-1] = done[-1]._replace(text=f"{done[-1].text[:-1]}-")
        return [line._replace(text=line.text.replace("\xad", "-")) for line in done]

    def _keeps(self, before: str, rest: str) -> bool:
        """Return whether the hyphen between `before`, at the end of a line, and `rest` belongs to the word."""
        if before.startswith("-") or _NOT_A_WORD.search(before.rstrip(".,:") + rest[:1]):
            return True
        if rest[0].isupper() and not before.isupper():
            return True
        first, second = _WORD.findall(before.casefold())[-1:], _WORD.findall(rest.casefold())[:1]
        if not first or not second:
            return True
        left, right = first[0], second[0]
        with_hyphen, without = self._count[f"{left}-{right}"], self._count[left + right]
        if with_hyphen or without:
            return with_hyphen > without
        # `self-moti-` and `vated`: what stands beside the hyphen is asked for.
        left = left.rpartition("-")[2]
        if self._count[left + right.partition("-")[0]]:
            return False
        return bool(self._count[left] and self._count[right.partition("-")[0]])


def _goes_on(before: str, rest: str) -> bool:
    """Return whether `rest`, on the next line, belongs to the word that ends with a hyphen; a dash stands alone.

    A number belongs to a code (`ORA-`, `00942`); below `mul-`, it is the number of the page.
    """
    if not before[-1:].isalnum():
        return False
    return not before[-1].islower() if rest[:1].isdigit() else rest[:1].isalpha()
