"""What a corpus holds, told in a few lines: the titles of documents, and the languages they are written in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from retrieval.corpus import Corpus
from retrieval.languages import language_of
from state.values import Value

_SAMPLED = 8
"""Documents whose language is looked at. A chosen value: each costs one read."""

_SAMPLE_CHARS = 2000


class Holdings(Value):
    """Titles and languages; both may be a selection. Titles are the documents' own words, not to be trusted."""

    titles: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()


async def holdings(
    corpus: Corpus, question: str, *, documents: int, most: int, where: Mapping[str, Any] | None = None
) -> Holdings:
    """Return what `corpus` holds, as far as its caller may read it and it matches `where`.

    Args:
        corpus: the corpus.
        question: decides which titles are returned if not all can be.
        documents: the number of documents that the caller may read, from the summary of the corpus.
        most: the most titles.
        where: a filter. A document of which no passage matches is never named.
    """
    if where is None and documents <= most:
        return await _all(corpus)
    # By keyword only: it needs no embedding, and a title is worth no reranker's call.
    found = await corpus.search(question, k=most, mode="keyword", where=where, rerank=False)
    return Holdings(
        titles=tuple(dict.fromkeys(passage.title for passage in found)),
        languages=_languages(passage.text for passage in found),
    )


async def _all(corpus: Corpus) -> Holdings:
    titled = await corpus.titles()
    step = max(1, len(titled) // _SAMPLED)
    sampled = await corpus.live_texts([document_id for _, document_id in titled[::step][:_SAMPLED]])
    return Holdings(
        titles=tuple(dict.fromkeys(title for title, _ in titled)),
        languages=_languages(text[:_SAMPLE_CHARS] for text in sampled),
    )


def _languages(texts: Iterable[str]) -> tuple[str, ...]:
    counted = Counter(filter(None, map(language_of, texts)))
    return tuple(language for language, _ in counted.most_common())
