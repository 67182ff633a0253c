"""Claims and citations in a draft: the factual sentences and the aliases that each cites."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from state.sentences import sentences

MARKER = re.compile(r"[ \t]*\[(E\d+(?:\s*[,;]\s*E\d+)*)\]")
_HEADING = re.compile(r"#{1,6}\s+(?P<title>.*)")
_BULLET = re.compile(r"\s*(?:[-*+]|\d+[.)])\s+")
_ALIAS = re.compile(r"E\d+")


@dataclass(frozen=True)
class CitedSentence:
    """A factual sentence of a draft. `start:end` is its span in the Markdown, including its markers."""

    text: str
    section: str
    start: int
    end: int
    aliases: tuple[str, ...]


def draft_hash(markdown: str) -> str:
    """Return the SHA-256 of a draft. It binds a verification to exactly this text."""
    return hashlib.sha256(markdown.encode()).hexdigest()


def cited_sentences(markdown: str) -> list[CitedSentence]:
    """Return the factual sentences in order. Headings, questions and lines without words are left out.

    A marker belongs to the sentence that contains it, or to the sentence before it on the same line.
    """
    found: list[CitedSentence] = []
    section, at = "", 0
    for line in markdown.split("\n"):
        heading = _HEADING.match(line)
        if heading:
            section = heading["title"].strip()
        else:
            found.extend(_in_line(line, at, section))
        at += len(line) + 1
    return found


def _in_line(line: str, at: int, section: str) -> list[CitedSentence]:
    bullet = _BULLET.match(line)
    skip = bullet.end() if bullet else 0
    bare = MARKER.sub(lambda marker: " " * len(marker[0]), line)
    spans = [(start + skip, end + skip) for start, end in sentences(bare[skip:])]
    spans = [span for span in spans if _states(bare[slice(*span)])]
    return [
        CitedSentence(
            text=" ".join(bare[start:end].split()),
            section=section,
            start=at + start,
            end=at + max(end, stop),
            aliases=aliases,
        )
        for (start, end), (aliases, stop) in zip(spans, _marks(line, spans), strict=True)
    ]


def _marks(line: str, spans: list[tuple[int, int]]) -> list[tuple[tuple[str, ...], int]]:
    """Return the aliases of each span and the end of its last marker."""
    marks: list[tuple[list[str], int]] = [([], 0) for _ in spans]
    for marker in MARKER.finditer(line):
        owner = max((n for n, (start, _) in enumerate(spans) if start <= marker.start()), default=None)
        if owner is not None:
            marks[owner] = ([*marks[owner][0], *_ALIAS.findall(marker[1])], marker.end())
    return [(tuple(dict.fromkeys(aliases)), stop) for aliases, stop in marks]


def _states(sentence: str) -> bool:
    return any(char.isalnum() for char in sentence) and not sentence.rstrip(" *_\"')”’").endswith(("?", "？"))
