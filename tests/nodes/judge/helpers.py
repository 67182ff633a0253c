"""Cases for tests of the judge."""

from __future__ import annotations

from typing import Any

from nodes.draft import claims_of, draft_claims
from nodes.judge.cases import Asked, Case, case_of
from nodes.quotes import Source
from tests.doubles.corpora import TEXTS, passage

SOURCES = {f"E{n}": Source(f"E{n}", passage(name, text)) for n, (name, text) in enumerate(TEXTS.items(), 1)}


def cases_of(markdown: str, **asked: Any) -> list[Case]:
    """Return the cases of a draft that cites the documents of the stub corpus."""
    drafted = draft_claims(markdown)
    pairs = zip(claims_of(drafted), drafted, strict=True)
    return [case_of(claim, each.aliases, SOURCES, Asked(**asked), each.quotation) for claim, each in pairs]


def case(markdown: str, **asked: Any) -> Case:
    """Return the only case of a draft."""
    (found,) = cases_of(markdown, **asked)
    return found
