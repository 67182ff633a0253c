"""One file never harms another: what its reader raises is reported with its name, and the files around it are read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from retrieval.documents import FailedFile, LoadedDocument
from retrieval.loaders import load_paths
from retrieval.loaders import rst as reader
from retrieval.loaders.source import Source
from settings import Settings


@pytest.mark.parametrize("text", [",,,", ",,,\n,,\n", '"",""\n', "\t\t\n"])
def test_a_table_of_separators_only_is_refused_and_its_neighbours_are_read(tmp_path: Path, text: str) -> None:
    for name, content in (("a.txt", "before"), ("b.csv", text), ("c.txt", "after")):
        (tmp_path / name).write_text(content)
    before, refused, after = load_paths([tmp_path], Settings())
    assert isinstance(before, LoadedDocument)
    assert isinstance(after, LoadedDocument)
    assert isinstance(refused, FailedFile)
    assert refused.source == (tmp_path / "b.csv").as_posix()
    assert "no text" in refused.reason


@pytest.mark.parametrize(
    ("error", "named"),
    [
        (IndexError("secret"), "IndexError"),
        (RecursionError(), "RecursionError"),
        (MemoryError(), "SIXPLANE_DATA__LIMITS__MEMORY_BYTES"),
        (AssertionError(), "AssertionError"),
        (KeyError(1), "KeyError"),
        (ModuleNotFoundError("secret", name="docutils.nodes"), "the package 'docutils' that reads it is not installed"),
    ],
)
def test_whatever_a_reader_raises_is_reported_after_what_it_gave(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, named: str
) -> None:
    whole = reader.load

    def failing(given: Source) -> Iterator[LoadedDocument]:
        yield from whole(given)
        raise error

    monkeypatch.setattr(reader, "load", failing)
    for name in ("a.txt", "b.rst", "c.txt"):
        (tmp_path / name).write_text("text")
    found = list(load_paths([tmp_path], Settings()))
    assert [(type(item).__name__, Path(item.source).name) for item in found] == [
        ("LoadedDocument", "a.txt"),
        ("LoadedDocument", "b.rst"),
        ("FailedFile", "b.rst"),
        ("LoadedDocument", "c.txt"),
    ]
    assert named in json.dumps(found[2].model_dump())
    assert "secret" not in json.dumps(found[2].model_dump())


def test_a_folder_that_cannot_be_listed_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.txt").write_text("text")
    listed = Path.iterdir

    def vanishing(self: Path) -> Iterator[Path]:
        if self.name == "b":
            raise FileNotFoundError(2, "No such file or directory")
        return listed(self)

    monkeypatch.setattr(Path, "iterdir", vanishing)
    first, refused, last = load_paths([tmp_path], Settings())
    assert (first.source, last.source) == tuple(f"{tmp_path.name}/{name}/x.txt" for name in ("a", "c"))
    assert (refused.source, refused.reason) == (
        (tmp_path / "b").as_posix(),
        "it cannot be read: No such file or directory",
    )
