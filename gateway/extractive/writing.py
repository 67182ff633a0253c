"""The extractive writer and reviewer: a direct answer, then the excerpts that hold it. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from gateway.extractive.blocks import ENDED, blocks_of
from gateway.extractive.quoting import quoted
from gateway.extractive.ranking import content_terms
from gateway.extractive.units import dangles
from state.evidence_block import EvidenceItem
from state.markdown_text import md_quote
from state.places import path_of
from state.roles import Review, WrittenDraft
from state.values import Severity

NO_FINDINGS = "The documents do not answer this question."
CLOSEST = "Closest passages"
"""Stands above excerpts of which none answers the question for certain."""

_FOCUS = 0.5  # share of the best overlap with a person's words that a finding needs to stay; a chosen value
_DIRECT = 2  # sentences of a direct answer
_MOST = {"brief": 1, "standard": 6}  # excerpts for each sub-question; `deep` has them all
_LABEL = 6  # words: a line of so few without a stop is a caption; a chosen value
_MARKERS = re.compile(r"\s*\[E?\d+\]")
_RESOLVED = re.compile(r" \([^()]+\)(?=\?$)")  # what a word of the question refers to, which the question itself says

Fields = Mapping[str, Any]


def write(fields: Fields, evidence: Sequence[EvidenceItem] = ()) -> WrittenDraft:
    """Return the answer in Markdown: for each sub-question a direct answer, if it has no gap, and its excerpts.

    An excerpt is a block quote under the title and the headings of its passage, with the sentence that answers in bold.
    With the length `brief`, these are one sentence and one excerpt.
    """
    items = {item.alias: item for item in evidence}
    found = _in_one_place(_once_each(_without_objected(fields)))
    kept = _focused(found, str(fields.get("person") or ""))
    groups = _by_sub_question(kept)
    if not groups:
        return WrittenDraft(markdown=NO_FINDINGS)
    headings = _planned_headings(fields) if len(groups) > 1 else {}
    if not headings:
        groups = _later_first(groups)
    open_ = {str(gap["sub_question"]) for gap in fields.get("gaps") or []}
    most = _MOST.get(str(fields.get("length") or "standard"))
    marked: dict[tuple[str, str], list[str]] = {}
    for finding in kept:
        marked.setdefault(_longest(finding), []).append(_line(finding["statement"]))
    parts: list[str] = []
    level = 2
    later = False
    for key, findings in groups.items():
        if key in headings:
            parts.append(f"## {headings[key]}")
            level = 3
        elif headings and not later:
            level, later = 2, True
        if key in open_ and (key in headings or level == 2):
            # The rounds of one question share this heading: all that follows the first open one is no certain answer.
            parts.append(f"{'#' * level} {CLOSEST}")
            level += 1
        elif headings or not parts:
            parts += _direct(findings[: 1 if most == 1 else _DIRECT])
        # An excerpt that answers two sub-questions is quoted once, with the sentences of both in bold.
        new = [quote for quote in dict.fromkeys(map(_longest, findings)) if quote in marked][:most]
        parts += _excerpts({quote: marked.pop(quote) for quote in new}, items, level)
    return WrittenDraft(markdown="\n\n".join(parts))


def _by_sub_question(findings: Iterable[Fields]) -> dict[str, list[Fields]]:
    groups: dict[str, list[Fields]] = {}
    for finding in findings:
        groups.setdefault(_asked(finding), []).append(finding)
    return groups


def _asked(finding: Fields) -> str:
    return str(finding["sub_question"])


def _later_first(groups: Mapping[str, list[Fields]]) -> dict[str, list[Fields]]:
    """Return `groups` of one question with its first round last: a later round answers what the first led to."""
    return dict(sorted(groups.items(), key=lambda each: each[0] == "q1"))


def review() -> Review:
    """Return `approve`: what failed its check is left out, and this model could write nothing else."""
    return Review(verdict="approve", findings=[])


def _direct(findings: Sequence[Fields]) -> Iterator[str]:
    """Yield the best sentence as a paragraph, with the second best if it stands in the same excerpt.

    A sentence that says nothing alone is left to its excerpt.
    """
    if not _stands_alone(findings[0]):
        return
    said = [each for each in findings if _longest(each) == _longest(findings[0]) and _stands_alone(each)]
    apart = any(_ended(each["statement"]) != _line(each["statement"]) for each in said)  # such as two rows
    yield ("\n\n" if apart else " ").join(f"{md_quote(_ended(each['statement']))} {_marks(each)}" for each in said)


def _stands_alone(finding: Fields) -> bool:
    """Whether a statement can be read without its excerpt: no item, caption or lead, no cells without their header.

    A sentence of few words ends with a stop, unless it is a row of a table.
    """
    statement = _line(finding["statement"])
    if dangles(statement) or statement.endswith((":", "：")):
        return False
    alias, quote = _longest(finding)
    excerpt = EvidenceItem(alias=alias, title="", text=quote)
    kinds = {block.kind for block in blocks_of(excerpt) if statement in _line(quote[block.start : block.end])}
    if kinds & {"item", "heading", "code"} or ("row" in kinds and "|" in statement):
        return False
    return "row" in kinds or bool(ENDED.search(statement)) or len(statement.split()) > _LABEL


def _excerpts(
    found: Mapping[tuple[str, str], Sequence[str]], items: Mapping[str, EvidenceItem], level: int
) -> Iterator[str]:
    """Yield the excerpts under the places where they stand: best document first, in reading order within a passage."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for alias, quote in found:
        item = items.get(alias)
        groups.setdefault(path_of(item.title, item.heading_path) if item else "", []).append((alias, quote))
    for path, places in groups.items():
        if path:
            yield f"{'#' * level} {md_quote(path)}"
        for alias, quote in sorted(places, key=lambda place: _position(items.get(place[0]), place[1], places)):
            item = items.get(alias) or EvidenceItem(alias=alias, title="", text=quote)
            yield quoted(item.model_copy(update={"text": quote}), found[alias, quote])


def _longest(finding: Fields) -> tuple[str, str]:
    """Return the excerpt of a finding: the alias of its passage, and its longest quote."""
    longest = max(finding["quotes"], key=lambda each: len(each["quote"]))
    return longest["evidence"], longest["quote"]


def _position(item: EvidenceItem | None, quote: str, places: Sequence[tuple[str, str]]) -> tuple[int, int]:
    """Return the place of a passage among those of one section, and of the quote in it."""
    order = [*dict.fromkeys(alias for alias, _ in places)]
    if item is None:
        return len(order), 0
    at = item.text.find(quote)
    return order.index(item.alias), at if at >= 0 else len(item.text)


def _without_objected(fields: Fields) -> list[Fields]:
    """Return the findings that no review objected to; they match by text, since claims quote findings verbatim."""
    grave = (Severity.MAJOR, Severity.CRITICAL)
    objected = [
        _plain(str(each.get("claim") or "")) for each in fields.get("review") or [] if each["severity"] in grave
    ]
    return [
        finding
        for finding in fields.get("findings") or []
        if not any(claim and claim in _plain(finding["statement"]) for claim in objected)
    ]


def _once_each(findings: list[Fields]) -> list[Fields]:
    """Return each statement once, under the first sub-question; again only where it is what answers another one best.

    Without it, the next sentence would be told as the answer to that one.
    """
    kept: list[Fields] = []
    for each in findings:
        said, key = _plain(each["statement"]), each["sub_question"]
        best = next(other for other in findings if other["sub_question"] == key) is each
        same = [other for other in kept if _plain(other["statement"]) == said]
        if not same or (best and all(other["sub_question"] != key for other in same)):
            kept.append(each)
    return kept


def _in_one_place(findings: Sequence[Fields]) -> list[Fields]:
    """Return the findings. One whose excerpt stands in that of another one, white space aside, gets that one's excerpt.

    So a block that several passages hold is quoted once, from the longest of them, or else from the best one. The best
    finding of a sub-question stays in its document: there it tells of another thing than the same words in another one.
    """
    places = [_longest(each) for each in findings]
    lines = [_line(quote) for _, quote in places]
    best = {id(each[0]) for each in _by_sub_question(findings).values()}
    found: list[Fields] = []
    for n, finding in enumerate(findings):
        holding = [
            m
            for m, other in enumerate(findings)
            if lines[n] in lines[m]
            and (id(finding) not in best or places[n][0] == places[m][0] or _asked(other) == _asked(finding))
        ]
        alias, quote = place = places[max(holding, key=lambda m: (len(lines[m]), -m))]
        moved = {"evidence": [alias], "quotes": [{"evidence": alias, "quote": quote}]}
        found.append(finding if place == places[n] else {**finding, **moved})
    return found


def _focused(findings: list[Fields], person: str) -> list[Fields]:
    """Return the findings closest to a person's words, closest first; all findings if none is close."""
    wanted = frozenset(content_terms(person))
    shared = {id(each): len(wanted & frozenset(content_terms(each["statement"]))) for each in findings}
    best = max(shared.values(), default=0)
    if not best:
        return findings
    near = [each for each in findings if shared[id(each)] >= _FOCUS * best]
    return sorted(near, key=lambda each: -shared[id(each)])


def _planned_headings(fields: Fields) -> dict[str, str]:
    """Return the planned section of each sub-question of the first round: `plan` makes one for each."""
    titles = (_RESOLVED.sub("", str(title)) for title in fields.get("sections") or [])
    return {f"q{number}": title for number, title in enumerate(titles, 1)}


def _ended(statement: str) -> str:
    line = _line(statement)
    return line if re.search(r"[.!?…。！？][\"'”’»)\]）」』]*$", line) else f"{line}."


def _marks(finding: Fields) -> str:
    return " ".join(f"[{alias}]" for alias in dict.fromkeys(finding["evidence"]))


def _line(text: str) -> str:
    return " ".join(str(text).split())


def _plain(text: str) -> str:
    return " ".join(_MARKERS.sub("", text).split()).casefold()
