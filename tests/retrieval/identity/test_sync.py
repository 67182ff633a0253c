"""`sync` removes documents whose files are gone, and nothing of which this is not certain."""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from retrieval import Corpus, open_corpus
from settings import load_settings
from tests.conformance.planes import Hashed


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    for name in ("a.txt", "b.txt", "sub/c.txt", "sub/d.txt"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"the text of {name}", encoding="utf-8")
    records(folder, "7", "8")
    return folder


def records(folder: Path, *keys: str, more: str = "") -> None:
    rows = "".join(json.dumps({"_id": key, "text": f"record {key}"}) + "\n" for key in keys)
    (folder / "rows.jsonl").write_text(rows + more, encoding="utf-8")


@pytest.fixture
async def corpus(tmp_path: Path, docs: Path) -> AsyncIterator[Corpus]:
    async with open_corpus(load_settings(home=tmp_path / "home"), "c", embeddings=Hashed()) as opened:
        await opened.ingest(docs)
        yield opened


async def live(corpus: Corpus) -> set[str]:
    return {entry.document_id for entry in (await corpus.manifest()).entries if not entry.superseded}


async def test_what_is_gone_is_removed_and_still_resolves(docs: Path, corpus: Corpus) -> None:
    (hit,) = [each for each in await corpus.search("text", 9, "keyword") if each.source == "docs/b.txt"]
    before = await live(corpus)
    (docs / "b.txt").unlink()
    shutil.rmtree(docs / "sub")
    records(docs, "8")
    plain = await corpus.ingest(docs)
    assert (plain.removed, await live(corpus)) == (0, before)
    report = await corpus.ingest(docs, sync=True)
    assert (report.removed, report.failed) == (4, ())
    assert await live(corpus) == {"docs/a.txt", "docs/rows.jsonl#8"}
    assert (await corpus.passages([hit.evidence_id]))[hit.evidence_id].superseded
    assert (await corpus.ingest(docs, sync=True)).removed == 0


async def test_only_what_was_named_is_looked_at(docs: Path, corpus: Corpus) -> None:
    for name in ("a.txt", "sub/c.txt"):
        (docs / name).unlink()
    assert (await corpus.ingest(docs / "sub", sync=True)).removed == 1
    assert "docs/a.txt" in await live(corpus)
    assert "docs/sub/c.txt" not in await live(corpus)


async def test_what_failed_to_load_stays(docs: Path, corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    before = await live(corpus)
    (docs / "a.txt").write_text("", encoding="utf-8")  # an empty file is reported
    records(docs, "8", more="{\n")
    listed = Path.iterdir

    def refusing(self: Path):
        if self.name == "sub":
            raise PermissionError(13, "Permission denied")
        return listed(self)

    monkeypatch.setattr(Path, "iterdir", refusing)
    report = await corpus.ingest(docs, sync=True)
    assert (len(report.failed), report.removed, await live(corpus)) == (3, 0, before)


@pytest.mark.parametrize(("emptied", "told"), [("", "docs"), ("sub", "docs/sub")])
async def test_a_folder_that_is_empty_may_be_a_disk_that_is_not_mounted(
    docs: Path, corpus: Corpus, emptied: str, told: str
) -> None:
    before = await live(corpus)
    shutil.rmtree(docs / emptied)
    (docs / emptied).mkdir()
    report = await corpus.ingest(docs, sync=True)
    assert (report.removed, await live(corpus)) == (0, before)
    (doubt,) = report.failed
    assert doubt.source == told
    assert f"corpus remove CORPUS {told}" in doubt.reason


async def test_what_the_caller_may_not_change_stays(docs: Path, corpus: Corpus) -> None:
    await corpus.ingest(docs / "a.txt", audience=["finance", "board"])
    for name in ("a.txt", "b.txt"):
        (docs / name).unlink()
    assert (await corpus.seen_by(["finance"]).ingest(docs, sync=True)).removed == 1
    assert {"docs/a.txt", "docs/b.txt"} & await live(corpus) == {"docs/a.txt"}
