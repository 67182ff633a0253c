"""Documents are removed and corpora deleted, on each backend."""

from __future__ import annotations

import pytest

from state.errors import BadInput, CorpusMissing, Forbidden
from tests.conformance.planes import document, opened_plane

PLANES = ["embedded", "played back", pytest.param("oracle", marks=pytest.mark.oracle)]


@pytest.fixture(params=PLANES)
async def plane(request, tmp_path):
    async with opened_plane(request.param, tmp_path) as opened:
        yield opened


def names(manifest):
    return [entry.document_id for entry in manifest.entries if not entry.superseded]


async def test_documents_and_folders_are_removed_and_their_passages_resolve(plane):
    async with plane.opened() as corpus:
        ids = ["docs/a", "docs/b", "docs-2/a", "rows#1", "rows#2", "rows"]
        await corpus.ingest([document(name, f"apple of {name}") for name in ids])
        found = {each.document_id: each.evidence_id for each in await corpus.search("apple", 10, "keyword")}
        removal = await corpus.remove(["docs/", "rows#1"])
        assert (removal.documents, removal.passages) == (3, 3)
        assert sorted(removal.document_ids) == ["docs/a", "docs/b", "rows#1"]
        assert sorted(names(await corpus.manifest())) == ["docs-2/a", "rows", "rows#2"]
        left = {each.document_id for each in await corpus.search("apple", 10, "keyword")}
        assert left == {"docs-2/a", "rows", "rows#2"}
        assert (await corpus.passages([found["docs/a"]]))[found["docs/a"]].superseded
        with pytest.raises(BadInput, match="docs/a"):
            await corpus.remove(["rows", "docs/a"])
        assert (await corpus.remove()).documents == 3
        assert (await corpus.remove()).documents == 0


async def test_only_who_belongs_to_all_audiences_removes_or_deletes(plane):
    async with plane.corpora() as corpora:
        corpus = await corpora.create("local", "c")
        await corpus.ingest([document("a", "red apple", audience=["finance", "board"])])
        await corpus.ingest([document("b", "green pear")])
        for held, error in ((["finance"], Forbidden), (["staff"], BadInput)):
            with pytest.raises(error):
                await corpus.seen_by(held).remove(["a"])
            with pytest.raises(Forbidden):
                await corpora.delete("local", "c", held)
        assert sorted(names(await corpus.manifest())) == ["a", "b"]
        assert (await corpus.seen_by(["staff"]).remove()).document_ids == ("b",)
        await corpora.delete("local", "c", ["finance", "board"])
        assert await corpora.names("local") == []


async def test_a_corpus_is_deleted_and_a_new_one_of_its_name_is_another(plane, tmp_path):
    async with plane.corpora() as corpora, plane.corpora() as other:
        corpus = await corpora.create("local", "c")
        await corpus.ingest([document("a", "red apple")])
        await (await corpora.create("local", "d")).ingest([document("other", "red apple")])
        kept = await other.get("local", "c")
        assert len(await kept.search("apple", 5, "keyword")) == 1
        await corpora.delete("local", "c")
        assert await corpora.names("local") == ["d"]
        for opened in (corpora, other):
            with pytest.raises(CorpusMissing):
                await opened.get("local", "c")
        with pytest.raises(CorpusMissing):
            await corpora.delete("local", "c")
        again = await corpora.create("local", "c")
        await again.ingest([document("b", "green pear")])
        for seen in (again, await other.get("local", "c"), kept):
            assert [each.document_id for each in await seen.search("pear apple", 5, "keyword")] == ["b"]
            assert [each.document_id for each in await seen.search("pear apple", 5, "dense")] == ["b"]
        assert len(await (await corpora.get("local", "d")).search("apple", 5)) == 1


async def test_a_deleted_corpus_leaves_no_file(tmp_path):
    async with opened_plane("embedded", tmp_path) as plane, plane.corpora() as corpora:
        await (await corpora.create("local", "c")).ingest([document("a", "red apple")])
        assert (tmp_path / "corpora" / "local" / "c").is_dir()
        await corpora.delete("local", "c")
        assert list((tmp_path / "corpora" / "local").iterdir()) == []
