"""Other projects' awkward sample files: each loads or is reported with a reason, none raises."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

from retrieval.documents import FailedFile, LoadedDocument
from retrieval.loaders import FORMATS, load_paths
from retrieval.splitting import split_document
from settings import Settings

DATA = Path(__file__).parents[3] / "shared" / "data" / "documents"
UNREADABLE = re.compile(
    r"password|encrypted|flat|scan|picture|jpg-mime|empty|all-whitespace|utf-16-[bl]e|single_table|multi-row"
)
"""Files that are encrypted, images, blank, or UTF-16 without a mark."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not DATA.is_dir(), reason=f"the sample documents are not at {DATA}"),
]


@pytest.fixture(scope="module")
def loaded():
    return list(load_paths([DATA / "unstructured", DATA / "markitdown"], Settings()))


def test_each_file_loads_or_is_reported_with_a_reason(loaded):
    failed = [item for item in loaded if isinstance(item, FailedFile)]
    assert len(loaded) - len(failed) >= 150
    assert all(item.reason for item in failed)
    assert not [item for item in failed if "it cannot be read" in item.reason]


def test_only_files_known_to_be_unreadable_fail(loaded):
    failed = {item.source: item.reason for item in loaded if isinstance(item, FailedFile)}
    supported = {source for source, reason in failed.items() if "unsupported format" not in reason}
    unexpected = {source for source in supported if not UNREADABLE.search(source) and ".ndjson:" not in source}
    assert unexpected == set()
    assert not [source for source in failed.keys() - supported if Path(source).suffix.lower() in FORMATS]


def test_each_passage_is_within_its_size(loaded):
    for item in loaded:
        if isinstance(item, LoadedDocument):
            spans = split_document(item, chunk_chars=1000, overlap=100)
            assert spans, item.source
            assert all(0 < span.end - span.start <= 1000 for span in spans)
            assert all(heading.start < len(item.text) for heading in item.headings)


@pytest.mark.parametrize("folder", ["unstructured", "markitdown"])
def test_what_the_manifest_calls_fine_is_loaded(loaded, folder):
    with (DATA / folder / "manifest.tsv").open(newline="", encoding="utf-8") as lines:
        rows = [row for row in csv.DictReader(lines, delimiter="\t") if f".{row['ext']}" in FORMATS]
    fine = [row["path"] for row in rows if row["status"] == "ok" and not UNREADABLE.search(row["path"])]
    seen = {item.source.split("#")[0].rsplit(":", 1)[0] for item in loaded}
    missing = [path for path in fine if not {f"{folder}/{path}", (DATA / folder / path).as_posix()} & seen]
    assert len(fine) > 10
    assert missing == []


def words(text):
    return set(re.findall(r"\w{3,}", text.lower()))


@pytest.mark.parametrize(
    "expected", sorted((DATA / "markitdown" / "expected_outputs").glob("*.md")), ids=lambda p: p.stem
)
def test_pdf_text_holds_the_words_of_markitdown(expected):
    wanted = words(expected.read_text("utf-8"))
    if not wanted:
        pytest.skip("its expected output is empty: a scan")
    (found,) = load_paths([DATA / "markitdown" / f"{expected.stem}.pdf"], Settings())
    assert isinstance(found, LoadedDocument)
    assert len(wanted & words(found.text)) >= 0.8 * len(wanted)
