"""The files and bytes that an ingestion counts while it reads: known beforehand, and all of them at the end."""

from __future__ import annotations

import pytest
from langchain_core.documents import Document
from langchain_core.embeddings import DeterministicFakeEmbedding

from retrieval import open_corpus
from retrieval.loaders import survey
from settings import Settings


class Sliced(DeterministicFakeEmbedding):
    """Encodes four texts at once."""

    texts_at_once: int = 4


@pytest.fixture
def folder(tmp_path):
    given = tmp_path / "given"
    (given / "inner").mkdir(parents=True)
    for name, count in (("a.txt", 1), ("b.txt", 12), ("inner/c.md", 1), (".hidden.txt", 1)):
        (given / name).write_text("\n\n".join("word " * 190 for _ in range(count)))
    (given / "d.exe").write_bytes(b"MZ")
    (given / "inner" / "up").symlink_to(given)
    return given


def test_what_is_counted_is_what_is_read(folder):
    sizes = [(folder / name).stat().st_size for name in ("a.txt", "b.txt", "inner/c.md", "d.exe")]
    assert survey([folder]) == (4, sum(sizes))
    assert survey([folder / "a.txt", folder / "missing.txt"]) == (2, sizes[0])


async def test_bytes_grow_with_the_slices_and_end_with_all(folder, tmp_path):
    told = []
    async with open_corpus(Settings(home=tmp_path / "home"), "c", embeddings=Sliced(size=8)) as corpus:
        await corpus.ingest([folder], progress=told.append)
    files, size = survey([folder])
    assert {(each.all_files, each.all_bytes) for each in told} == {(files, size)}
    counted = [each.bytes for each in told if each.failure is None]
    assert counted == sorted(counted)
    assert (counted[0], counted[-1]) == (0, size)
    within = [each.bytes for each in told if each.source.endswith("b.txt")]
    assert len(set(within)) == len(within) == 3
    assert [each.failed for each in told if each.failure] == [1, 2]


async def test_documents_that_are_no_files_have_no_bytes(tmp_path):
    told = []
    async with open_corpus(Settings(home=tmp_path / "home"), "c", embeddings=Sliced(size=8)) as corpus:
        await corpus.ingest([Document(page_content="red", id="a")], progress=told.append)
    assert {(each.all_files, each.all_bytes, each.bytes) for each in told} == {(0, 0, 0)}
    assert told[-1].documents == 1
