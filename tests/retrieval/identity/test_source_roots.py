"""A document is where it truly is: however its path is written, it is one; files of two folders are two."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from langchain_core.documents import Document

from retrieval import Corpus, open_corpus
from retrieval.roots import Root, SourceRoots
from settings import Settings, load_settings
from tests.conformance.planes import Hashed

TEXTS = {"README.md": "The project weighs grain in silos by the river.", "sub/a.txt": "Apples are counted by hand."}


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    """A folder `docs` of two texts and two records."""
    return folder(tmp_path / "docs", {**TEXTS, "rows.jsonl": '{"_id": 7, "text": "red"}\n{"_id": 8, "text": "blue"}'})


def folder(path: Path, texts: dict[str, str]) -> Path:
    for name, text in texts.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(text, encoding="utf-8")
    return path


@pytest.fixture
async def corpus(tmp_path: Path) -> AsyncIterator[Corpus]:
    async with open_corpus(load_settings(home=tmp_path / "home"), "c", embeddings=Hashed()) as opened:
        yield opened


async def live(corpus: Corpus) -> list[str]:
    return sorted(entry.document_id for entry in (await corpus.manifest()).entries if not entry.superseded)


ALL = ["docs/README.md", "docs/rows.jsonl#7", "docs/rows.jsonl#8", "docs/sub/a.txt"]


async def test_every_way_to_write_a_path_is_one_document(docs: Path, corpus: Corpus) -> None:
    (docs.parent / "link").symlink_to(docs)
    (docs.parent / "deep").mkdir()
    with contextlib.chdir(docs.parent):
        assert (await corpus.ingest(Path("docs"))).added == 4
        for path in (Path("./docs"), docs, Path("link"), "deep/../docs", docs / "sub" / ".."):
            report = await corpus.ingest(path)
            assert (report.added, report.updated, report.unchanged, report.failed) == (0, 0, 4, ()), path
    with contextlib.chdir(docs):
        assert (await corpus.ingest([Path(), Path("sub"), "README.md", docs / "sub/a.txt"])).unchanged == 4
    assert await live(corpus) == ALL
    found = await corpus.search("silos", 1, "keyword")
    assert [(each.document_id, each.source) for each in found] == [("docs/README.md", "docs/README.md")]


async def test_two_folders_that_hold_a_file_of_one_name_hold_two_documents(tmp_path: Path, corpus: Corpus) -> None:
    for name in ("p1/docs", "p2/docs"):
        with contextlib.chdir(folder(tmp_path / name, {"README.md": f"The text of {name}."})):
            assert (await corpus.ingest(Path())).added == 1
    assert await live(corpus) == ["docs-2/README.md", "docs/README.md"]
    assert (await corpus.ingest(tmp_path / "p1")).unchanged == 1  # the inner root counts
    assert await live(corpus) == ["docs-2/README.md", "docs/README.md"]


async def test_a_single_file_makes_its_folder_a_root_and_no_folder_shows(docs: Path, corpus: Corpus) -> None:
    assert (await corpus.ingest(docs / "sub" / "a.txt")).added == 1
    assert (await corpus.ingest(docs)).added == 3
    assert await live(corpus) == ["docs/README.md", "docs/rows.jsonl#7", "docs/rows.jsonl#8", "sub/a.txt"]
    assert str(docs.parent) not in (await corpus.manifest()).model_dump_json()


def test_a_link_is_what_it_leads_to_unless_that_is_hidden(docs: Path) -> None:
    elsewhere = folder(docs.parent / "elsewhere", {"far.txt": "far", "inner/x.txt": "x"})
    stored = folder(docs / "..data", {"conf.txt": "kept by a volume"})
    for name, target in {
        "near.md": docs / "README.md",
        "far.txt": elsewhere / "far.txt",
        "folder": elsewhere / "inner",
        "conf.txt": stored / "conf.txt",
    }.items():
        (docs / name).symlink_to(target)
    roots = SourceRoots([Root("docs", docs.resolve().as_posix())])
    found = [roots.name(docs / name) for name in ("near.md", "far.txt", "folder", "folder/x.txt", "conf.txt")]
    assert found == ["docs/README.md", "elsewhere/far.txt", "elsewhere/inner", "elsewhere/inner/x.txt", "docs/conf.txt"]
    assert roots.take_fresh() == [Root("elsewhere", elsewhere.resolve().as_posix())]
    assert roots.take_fresh() == []


async def test_the_same_text_split_otherwise_is_split_again_and_what_was_cited_still_resolves(
    docs: Path, tmp_path: Path
) -> None:
    (docs / "long.txt").write_text(
        "\n\n".join(f"Paragraph {n} tells of thing{n}." for n in range(40)), encoding="utf-8"
    )
    cited = {}
    for chars in (1000, 300, 300, 1000):
        settings = Settings(home=tmp_path / "home", data={"chunk_chars": chars})
        async with open_corpus(settings, "c", embeddings=Hashed()) as corpus:
            await corpus.ingest(docs)
            again = await corpus.ingest(docs)
            assert (again.updated, again.unchanged) == (0, 5)
            (hit,) = await corpus.search("thing7", 1, "keyword")
            cited[hit.evidence_id] = hit
            found = await corpus.passages(cited)
            assert {key: found[key].text for key in found} == {key: each.text for key, each in cited.items()}
    assert len(cited) == 2


async def test_no_file_gets_the_id_of_a_document_that_is_none(docs: Path, corpus: Corpus) -> None:
    notes = [
        Document(page_content=f"A note on {name}.", metadata={"source": f"docs/{name}"}) for name in ("a.md", "b.md")
    ]
    await corpus.ingest(notes)
    (docs / "a.md").write_text("A file.", encoding="utf-8")
    report = await corpus.ingest(docs, sync=True)
    assert (report.added, report.updated, report.removed) == (5, 0, 0)
    assert {"docs/a.md", "docs/b.md", "docs-2/a.md"} < {*await live(corpus)}


async def test_what_comes_later_under_an_id_in_a_root_is_not_removed(docs: Path, corpus: Corpus) -> None:
    await corpus.ingest(docs)
    await corpus.ingest([Document(page_content="A note.", metadata={"source": "docs/b.md"})])
    assert (await corpus.ingest(docs, sync=True)).removed == 0
    assert "docs/b.md" in await live(corpus)


async def test_a_linked_folder_within_a_hidden_one_is_one_root(tmp_path: Path, corpus: Corpus) -> None:
    folder(tmp_path / ".data" / "papers", TEXTS)
    (tmp_path / "papers").symlink_to(tmp_path / ".data" / "papers")
    await corpus.ingest(tmp_path / "papers")
    assert await live(corpus) == ["papers/README.md", "papers/sub/a.txt"]
