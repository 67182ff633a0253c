"""How many texts an ingestion has encoded at once."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import NamedTuple, TypeVar

Item = TypeVar("Item")

_AT_ONCE = 64
"""A chosen value: a killed ingestion loses at most so many vectors of each group that is being encoded or waits
(`groups_at_once`), and each batch or slice costs one commit. Who sends several requests at once wants more."""


class Portion(NamedTuple):
    """The most that is encoded before its vectors are committed: so many texts, or so many characters of them."""

    texts: int = _AT_ONCE
    chars: float = math.inf

    @classmethod
    def of(cls, embeddings: object) -> Portion:
        """Return what embeddings want: `texts_at_once`, or else 64, and `chars_at_once`, or else any number."""
        texts, chars = getattr(embeddings, "texts_at_once", _AT_ONCE), getattr(embeddings, "chars_at_once", math.inf)
        return cls(int(texts), float(chars))

    def is_reached(self, texts: int, chars: float) -> bool:
        """Return whether this is enough."""
        return texts >= self.texts or chars >= self.chars

    def is_exceeded(self, texts: int, chars: float) -> bool:
        """Return whether this is too much."""
        return texts > self.texts or chars > self.chars

    def parts(self, items: Iterable[tuple[Item, int]]) -> Iterator[list[Item]]:
        """Yield the items in parts, each of which is enough, except for the last one; with each come its characters."""
        part, chars = list[Item](), 0
        for item, length in items:
            part.append(item)
            chars += length
            if self.is_reached(len(part), chars):
                yield part
                part, chars = [], 0
        if part:
            yield part


def groups_at_once(embeddings: object) -> int:
    """Return how many groups of texts are encoded at the same time: `groups_at_once`, or else 1."""
    return int(getattr(embeddings, "groups_at_once", 1))
