"""A corpus in memory, for tests of the graph that are not about retrieval."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from retrieval.reports import Manifest, ManifestEntry
from state.access import may_read, stored_labels
from state.errors import CorpusMissing
from state.report import CorpusRef
from state.values import Passage, Scores

TEXTS = {
    "falcon": "The Falcon project started in 2019. Its budget was 40 million dollars. Its engineer was Ada Moreau.",
    "heron": "The Heron project ended in 2021. Heron used a titanium hull. The Heron budget was never published.",
    "tariff": "Tariff A costs 12 dollars a month. Tariff B costs 20 dollars a month and includes support.",
}


def passage(name: str, text: str, score: float = 0.5) -> Passage:
    """Return the whole document `name` as one passage."""
    key = "E" + hashlib.sha256(name.encode()).hexdigest()[:26]
    return Passage(
        evidence_id=key,
        document_id=name,
        title=name.title(),
        source=f"{name}.md",
        start=0,
        end=len(text),
        text=text,
        scores=Scores(fused=score),
        text_hash=hashlib.sha256(text.encode()).hexdigest(),
    )


@lru_cache(maxsize=10_000)
def _words(text: str) -> frozenset[str]:
    return frozenset(text.lower().replace(".", "").split())


class StubCorpus:
    """Answers every search with the passages that share a word with the query, most shared words first."""

    def __init__(self, name: str, texts: Mapping[str, str] = TEXTS) -> None:
        self.name = name
        self.searched: list[str] = []
        self._passages = [passage(key, text) for key, text in texts.items()]

    def seen_by(self, audiences: Sequence[str] | None) -> StubCorpus:
        if audiences is None:
            return self
        view = StubCorpus(self.name, {})
        view.searched = self.searched
        view._passages = [p for p in self._passages if may_read(stored_labels(p.metadata), tuple(audiences))]
        return view

    async def summary(self) -> CorpusRef:
        return CorpusRef(name=self.name, version=1, documents=len(self._passages), passages=len(self._passages))

    async def manifest(self) -> Manifest:
        entries = tuple(
            ManifestEntry(
                document_id=p.document_id,
                source=p.source,
                title=p.title,
                parser="text",
                parser_version="1",
                fingerprint=p.text_hash,
                pages=None,
                chars=len(p.text),
                passages=1,
                ingested_at="",
                superseded=False,
            )
            for p in self._passages
        )
        counts = {"documents": len(entries), "passages": len(entries)}
        return Manifest(name=self.name, tenant="local", version=1, embedding_model="", entries=entries, **counts)

    async def search(self, query: str, k: int = 10, **_: Any) -> list[Passage]:
        self.searched.append(query)
        words = set(query.lower().strip("?").split())
        shared = {p.evidence_id: len(words & _words(p.text)) for p in self._passages}
        found = sorted(self._passages, key=lambda p: -shared[p.evidence_id])
        return [
            p.model_copy(update={"scores": Scores(fused=shared[p.evidence_id] / len(words))})
            for p in found[:k]
            if shared[p.evidence_id]
        ]

    async def neighbours(self, _: Passage, **__: Any) -> list[Passage]:
        return []

    async def passages(self, evidence_ids: Iterable[str]) -> dict[str, Passage]:
        wanted = set(evidence_ids)
        return {p.evidence_id: p for p in self._passages if p.evidence_id in wanted}

    async def live_texts(self, document_ids: Iterable[str]) -> list[str]:
        named = set(document_ids)
        return [p.text for p in self._passages if p.document_id in named]

    async def titles(self) -> list[tuple[str, str]]:
        return sorted((p.title, p.document_id) for p in self._passages)

    async def canonical_text(self, document_id: str, text_hash: str) -> str | None:
        return next((p.text for p in self._passages if (p.document_id, p.text_hash) == (document_id, text_hash)), None)

    async def ingest(self, documents: Sequence[Any], **_: Any) -> None:
        self._passages += [passage(document.id, document.page_content) for document in documents]


class StubCorpora:
    """Corpora by tenant and name, made in the test."""

    def __init__(self, corpora: Mapping[tuple[str, str], StubCorpus]) -> None:
        self._corpora = dict(corpora)

    async def get(self, tenant: str, name: str, audiences: Sequence[str] | None = None) -> StubCorpus:
        if (tenant, name) not in self._corpora:
            raise CorpusMissing(f"there is no corpus {name!r}")
        return self._corpora[tenant, name].seen_by(audiences)

    known = get

    async def check(self) -> None:
        """Find nothing amiss: they are in memory."""

    async def names(self, tenant: str) -> list[str]:
        return sorted(name for owner, name in self._corpora if owner == tenant)

    async def create(self, tenant: str, name: str, audiences: Sequence[str] | None = None) -> StubCorpus:
        return self._corpora.setdefault((tenant, name), StubCorpus(name, {})).seen_by(audiences)
