"""Requests for everything ("summarise the handbook"): searches for titles, answered by how the documents begin.

No search finds what such a request asks for, since it has no words of a document in it. The titles are those that the
planner is told; each is searched for, and the first statements below a title stand for its document.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gateway.extractive.breadth import is_broad
from gateway.extractive.ranking import words
from gateway.extractive.units import units_of
from state.evidence_block import EvidenceItem
from state.roles import ProposedFinding, QuotedEvidence

_AT_ONCE = 3  # titles in one search; a chosen value: a search for more finds some of them only
_STATEMENTS = 2  # of each document; a chosen value
_OPENING = "Overview: "
_BETWEEN = "; "


def overview_questions(question: str, corpus: Mapping[str, Any], most: int) -> list[str]:
    """Return at most `most` searches for the titles of `corpus`; none if `question` asks for something in particular.

    >>> overview_questions("Give me an overview.", {"titles": ["Rates", "Ferry; boats"]}, 4)
    ['Overview: Rates', 'Overview: Ferry, boats']
    """
    if not is_broad(question):
        return []
    titles = [" ".join(str(title).replace(";", ",").split()) for title in corpus.get("titles") or []]
    titles = [title for title in dict.fromkeys(titles) if title][: most * _AT_ONCE]
    size = -(-len(titles) // most) if titles else 1
    groups = (titles[start : start + size] for start in range(0, len(titles), size))
    return [_OPENING + _BETWEEN.join(group) for group in groups]


def overviews(fields: Mapping[str, Any], items: Sequence[EvidenceItem]) -> dict[str, list[ProposedFinding]]:
    """Return how the documents begin that the sub-questions of `overview_questions` search for, by their ids.

    A document begins with the first statements of the passage that has the fewest headings above it.
    """
    found: dict[str, list[ProposedFinding]] = {}
    for each in fields.get("sub_questions") or []:
        text, key = str(each["text"]), str(each["id"])
        if text.startswith(_OPENING):
            titles = text.removeprefix(_OPENING).split(_BETWEEN)
            if begun := [finding for title in titles for finding in _beginning(key, title, items)]:
                found[key] = begun  # a person's own question may begin with the same word
    return found


def _beginning(sub_question: str, title: str, items: Sequence[EvidenceItem]) -> list[ProposedFinding]:
    own = [item for item in items if words(item.title) == words(title)]
    for item in sorted(own, key=lambda each: len(each.heading_path)):
        spans = [span for unit in units_of(item) if unit.kind == "prose" for span in unit.sentences]
        if spans:
            quotes = [item.text[start:end] for start, end in spans[:_STATEMENTS]]
            return [
                ProposedFinding(
                    statement=" ".join(quote.split()),
                    sub_question=sub_question,
                    quotes=[QuotedEvidence(evidence=item.alias, quote=quote)],
                )
                for quote in quotes
            ]
    return []
