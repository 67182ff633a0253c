"""A document that is read through a link is named by the folder that the link leads to, and is the same as without."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.scifact import ndcg, quality
from retrieval import open_corpus
from settings import load_settings
from tests.conformance.planes import Hashed


@pytest.fixture
def link(tmp_path: Path) -> Path:
    """Return a link to a folder of two records."""
    folder = tmp_path / "data"
    folder.mkdir()
    rows = [{"_id": "7", "title": "Apple", "text": "red apple"}, {"_id": "8", "title": "Pear", "text": "green pear"}]
    (folder / "corpus.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    (folder / "queries.jsonl").write_text(json.dumps({"_id": "q", "text": "red apple"}), encoding="utf-8")
    linked = tmp_path / "link"
    linked.symlink_to(folder, target_is_directory=True)
    return linked


async def test_a_document_has_one_name_with_and_without_the_link(link: Path, tmp_path: Path) -> None:
    async with open_corpus(load_settings(home=tmp_path / "home"), "c", embeddings=Hashed()) as corpus:
        first = await corpus.ingest(link / "corpus.jsonl")
        again = await corpus.ingest(tmp_path / "data" / "corpus.jsonl")
        assert (first.added, again.added, again.unchanged) == (2, 0, 2)
        names = {entry.document_id for entry in (await corpus.manifest()).entries}
        assert names == {f"data/corpus.jsonl#{key}" for key in ("7", "8")}


async def test_the_quality_on_judged_documents_does_not_depend_on_their_path(
    link: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmarks.scifact.DATA", link)
    found = {}
    for name in ("link", "data"):
        async with open_corpus(load_settings(home=tmp_path / f"home-{name}"), "c", embeddings=Hashed()) as corpus:
            await corpus.ingest(tmp_path / name / "corpus.jsonl")
            found[name] = await quality(corpus, "hybrid", {"q": {"7": 1}})
    assert set(found.values()) == {ndcg(["7"], {"7": 1})} == {1.0}
