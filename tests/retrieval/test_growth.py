"""Files that are made to take long, or to become large, are read in proportion to their size."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from retrieval.documents import LoadedDocument
from retrieval.loaders import load_paths
from retrieval.preparation import PreparedDocument, prepare
from settings import Settings
from tests.retrieval.office.packages import docx_of, loaded, refused

LONG = 20_000


def test_many_keys_of_a_line_are_compared_once(tmp_path: Path) -> None:
    pairs = ",".join(f'"k{n}":1' for n in range(100_000))
    (tmp_path / "a.jsonl").write_text(f'{{"text":"x",{pairs},"audience":"a","audience":"b"}}\n')
    assert refused(tmp_path / "a.jsonl") == "it has `audience` twice; remove one of them"
    (tmp_path / "a.jsonl").write_text(f'{{"text":"x",{pairs},"k1":2}}\n')
    assert loaded(tmp_path / "a.jsonl").metadata["k1"] == 2


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.jsonl", json.dumps({"title": "t" * LONG, "text": "word " * LONG})),
        ("a.md", f"# {'t' * LONG}\n\n{'word ' * LONG}"),
        ("a.html", f"<title>{'t' * LONG}</title><h1>{'t' * LONG}</h1><p>{'word ' * LONG}"),
    ],
)
def test_a_long_title_is_not_repeated_in_full_with_each_passage(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    (prepared,) = prepare(tmp_path / name, Settings(), "t", "c")
    assert isinstance(prepared, PreparedDocument)
    assert len(prepared.passages) > 100
    assert sum(len(prepared.embedded_text(each)) for each in prepared.passages) < 20 * LONG
    assert "t" * LONG in prepared.text


def test_a_text_of_control_characters_is_binary(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("\x01\x1a" * LONG)
    assert refused(tmp_path / "a.txt").startswith("it is binary")


def test_a_document_that_unpacks_to_a_thousand_times_its_size_is_read(tmp_path: Path) -> None:
    body = "<w:p><w:r><w:t>same</w:t></w:r></w:p>" * 20_000
    (document,) = load_paths([docx_of(tmp_path / "a.docx", body)], Settings())
    assert isinstance(document, LoadedDocument)
    assert document.text.count("same") == 20_000


def test_yaml_nested_deeper_than_the_limit_has_no_headings(tmp_path: Path) -> None:
    for depth, titles in ((5, ["a", "c"]), (150_000, [])):
        more = "".join(f"  k{n}: some words\n" for n in range(200))
        (tmp_path / "a.yaml").write_text(f"a:\n{more}  b: {'[' * depth}{']' * depth}\nc:\n{more}")
        found = loaded(tmp_path / "a.yaml")
        assert [heading.title for heading in found.headings] == titles
        assert found.text.count("[") == depth


def test_a_long_path_of_keys_stands_in_a_line_of_its_own(tmp_path: Path) -> None:
    key = "k" * LONG
    (tmp_path / "a.json").write_text(json.dumps({key: {"a": 1, "b": {"c": [2, 3]}}, "short": {"d": 4}}))
    end = f"…{'k' * 80}"
    assert loaded(tmp_path / "a.json").text == f"{key}:\n{end}.a: 1\n{end}.b.c: 2, 3\nshort.d: 4"


@pytest.mark.parametrize("marker", ["* ", "- ", "1. ", "> * ", ">", "- 1) "])
def test_lists_and_quotations_nested_too_deep_in_one_line_are_refused_at_once(tmp_path: Path, marker: str) -> None:
    (tmp_path / "a.md").write_text(f"Text.\n\n{marker * 6_000}x\n")
    assert "nested too deep" in refused(tmp_path / "a.md")
    (tmp_path / "a.md").write_text(f"Text.\n\n{marker * 100}x\n\n{'-' * 5000}\n\n- item\n")
    assert "item" in loaded(tmp_path / "a.md").text
