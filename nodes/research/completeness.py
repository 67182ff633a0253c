"""What a report says if it was asked for everything: whether there may be more than it tells. Worded by code."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from gateway.extractive.breadth import asks_for_all, is_broad
from retrieval.managed.passages import is_managed_document
from state.report import CorpusRef
from state.values import Claim, Passage, Quote

_LISTED = re.compile(r"^\s*(?:[-*+•‣▪|]|\d{1,3}[.)])\s*\S", re.MULTILINE)
_EDGE = 2  # characters of white space or punctuation that may follow the last quoted word of a passage


def completeness(
    question: str, claims: Iterable[Claim], passages: Mapping[str, Passage], corpus: CorpusRef | None
) -> Iterator[str]:
    """Yield what the reader of an answer to `question` should know: that it draws on a part, or that a list may go on.

    Args:
        question: the user's.
        claims: those that the report shows.
        passages: what they cite, by evidence id.
        corpus: the corpus, with the number of its documents.
    """
    quotes = [quote for claim in claims for quote in claim.citations if quote.evidence_id in passages]
    if not quotes:
        return
    documents = {passages[quote.evidence_id].document_id for quote in quotes}
    if is_broad(question):
        own = [document_id for document_id in documents if not is_managed_document(document_id)]
        if corpus is not None and len(own) < corpus.documents:
            yield f"The answer draws on {len(own)} of the {corpus.documents} documents."
    elif asks_for_all(question) and (len(documents) > 1 or any(_goes_on(quote, passages) for quote in quotes)):
        yield "The list may be incomplete: it holds what the retrieved passages say."


def _goes_on(quote: Quote, passages: Mapping[str, Passage]) -> bool:
    """Return whether a list is quoted up to where its passage begins or ends: the next passage may continue it."""
    passage = passages[quote.evidence_id]
    if not _LISTED.search(passage.text):
        return False
    starts, ends = quote.start - passage.start <= _EDGE, passage.end - quote.end <= _EDGE
    return (starts and passage.start > 0) or ends
