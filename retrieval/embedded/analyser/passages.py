"""Which stemmer each passage of an index gets: by its own language, else by that of its document."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from retrieval.embedded.analyser.stemming import stemmer_for
from retrieval.languages import language_of

_SAMPLE_CHARS = 600
"""How much of a passage is looked at. A chosen value: some 100 words, which tell a language from every other one."""


def stemmers_of(rows: Iterable[Any]) -> list[str]:
    """Return the stemmer for each of the rows, which have a document's `version` and `text`; they are read once."""
    languages = [(row["version"], language_of(row["text"][:_SAMPLE_CHARS])) for row in rows]
    counted: dict[int, Counter[str]] = {}
    for version, language in languages:
        if language:
            counted.setdefault(version, Counter())[language] += 1
    of_document = {version: counts.most_common(1)[0][0] for version, counts in counted.items()}
    return [stemmer_for(language or of_document.get(version, "")) for version, language in languages]
