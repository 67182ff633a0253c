"""One search of a corpus: both legs, their fusion, and one hit for passages that say the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol

from retrieval.ranking.duplicates import Group, Groups
from retrieval.ranking.fusion import min_max, ranked
from state.access import Held
from state.values import Passage, Scores

Mode = Literal["hybrid", "dense", "keyword"]

DEPTH = 100
"""Candidates of each leg before fusion and reranking. A chosen value: fusion needs more than `k` per leg, because a
passage may be good in one leg only; more of them cost time in both legs and in the reranker."""

_DEEPER = 4
"""By how much a search goes deeper if most of what it finds says the same. A chosen value: all searches before the last
one cost a third of it together."""

_STEP = 200
"""Passages that are read at once while there are too few different ones. A chosen value, which bounds the memory."""


class Legs(NamedTuple):
    """Scores by row, higher is better; empty for a leg that was not searched."""

    keyword: dict[int, float]
    dense: dict[int, float]


class Finder(Protocol):
    """What is asked of a backend. A *row* is its own number for a passage."""

    async def legs(
        self,
        query: str | None,
        vector: Sequence[float] | None,
        depth: int,
        where: Mapping[str, Any] | None = None,
        held: Held = None,
    ) -> Legs:
        """Return the best `depth` live rows of each leg: keywords for `query`, cosine similarity for `vector`.

        A leg whose argument is `None` is not searched. A filter narrows the search itself, not its result: a leg
        returns `depth` rows whenever that many match `where` and may be read by `held`.

        Raises:
            BadInput: `where` is malformed.
        """
        ...

    async def live(self, rows: Iterable[int]) -> dict[int, Passage]:
        """Return those of the passages that are live, by row."""
        ...

    async def copies(
        self, evidence_ids: Iterable[str], where: Mapping[str, Any] | None = None, held: Held = None
    ) -> dict[str, list[Passage]]:
        """Return, by evidence id, the live passages at the same place of other documents of the same text.

        Only those that match `where` and that `held` may read.
        """
        ...


@dataclass(frozen=True)
class Asked:
    """What is searched for. `wanted` hits are returned, `k` of them are needed; each leg finds `depth` at first."""

    query: str
    mode: Mode
    k: int
    wanted: int
    depth: int
    where: Mapping[str, Any] | None
    held: Held


async def retrieve(reads: Finder, asked: Asked, vector: Sequence[float] | None) -> list[Passage]:
    """Return the best `wanted` passages that say different things, each with the places of its copies."""
    words, meaning = asked.query if asked.mode != "dense" else None, vector if asked.mode != "keyword" else None
    depth = asked.depth
    while True:
        legs = await reads.legs(words, meaning, depth, asked.where, asked.held)
        groups = await _grouped(reads, legs, asked)
        # Passages that say the same fill no places: the search goes deeper until there are `k` others or no more.
        if len(groups) >= asked.k or max(map(len, legs)) < depth:
            break
        depth *= _DEEPER
    copies = await reads.copies([each.first.evidence_id for each in groups], asked.where, asked.held)
    return [each.passage(copies.get(each.first.evidence_id, ())) for each in groups]


async def _grouped(reads: Finder, legs: Legs, asked: Asked) -> list[Group]:
    """Return the best groups of passages that say the same."""
    keyword, dense = legs
    fused = min_max([keyword, dense]) if asked.mode == "hybrid" else {}
    order = [*fused] or ranked({**keyword, **dense})
    groups = Groups()
    at, step = 0, asked.wanted
    while at < len(order) and len(groups.found) < asked.wanted:
        # Rows that another process superseded after the indexes were read are left out; the lower ranks follow.
        passages = await reads.live(order[at : at + step])
        for row in order[at : at + step]:
            if row in passages:
                scores = Scores(keyword=keyword.get(row), dense=dense.get(row), fused=fused.get(row))
                groups.add(passages[row].model_copy(update={"scores": scores}))
        at, step = at + step, max(step, _STEP)
    return groups.found[: asked.wanted]
