"""Where the label of a file comes from: its own, the ingestion's, its folder's; and what contradicts itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from retrieval.documents import FailedFile, LoadedDocument
from retrieval.loaders import load_paths
from retrieval.preparation import prepare
from settings import Settings, load_settings
from state.access import Labels
from state.errors import SettingsInvalid


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A folder `open` beside `pay`, which holds `pay/board`, with a text in each."""
    for folder in ("open", "pay", "pay/board"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "note.txt").write_text(f"a note in {folder}")
    lines = [{"_id": "a", "text": "plain"}, {"_id": "b", "text": "own", "metadata": {"audience": ["hr"]}}]
    (tmp_path / "pay" / "lines.jsonl").write_text("\n".join(map(json.dumps, lines)))
    return tmp_path


def labels(tree: Path, audience: Labels | None = None, **folders: Any) -> dict[str, Labels | None]:
    settings = Settings(data={"audiences": {tree / name.replace("__", "/"): given for name, given in folders.items()}})
    found = {}
    for item in load_paths([tree], settings, audience):
        assert isinstance(item, LoadedDocument)
        found[item.document_id.removeprefix(f"{tree.name}/")] = item.audience
    return found


def test_the_inner_folder_counts_and_a_record_s_own_label_before_it(tree: Path) -> None:
    assert labels(tree) == {
        "open/note.txt": None,
        "pay/note.txt": None,
        "pay/board/note.txt": None,
        "pay/lines.jsonl#a": None,
        "pay/lines.jsonl#b": ("hr",),
    }
    assert labels(tree, pay=["finance", "audit"], pay__board="board") == {
        "open/note.txt": None,
        "pay/note.txt": ("audit", "finance"),
        "pay/board/note.txt": ("board",),
        "pay/lines.jsonl#a": ("audit", "finance"),
        "pay/lines.jsonl#b": ("hr",),
    }
    assert labels(tree, pay="finance", pay__board="*")["pay/board/note.txt"] == ()


def test_the_label_of_the_ingestion_counts_before_that_of_the_folder(tree: Path) -> None:
    found = labels(tree, ("staff",), pay="finance")
    assert (found["open/note.txt"], found["pay/note.txt"], found["pay/lines.jsonl#b"]) == (
        ("staff",),
        ("staff",),
        ("hr",),
    )


def test_a_link_does_not_open_a_file_of_a_restricted_folder(tree: Path) -> None:
    (tree / "open" / "link.txt").symlink_to(tree / "pay" / "note.txt")
    (tree / "pay" / "in.txt").symlink_to(tree / "open" / "note.txt")
    found = labels(tree, pay="finance", open="*")
    assert (found["pay/note.txt"], found["open/note.txt"], len(found)) == (("finance",), (), 5)


@pytest.mark.parametrize("label", [5, [], "", ["a", "*"], {"a": 1}, None])
def test_a_setting_that_is_no_label_is_an_error(label: Any) -> None:
    with pytest.raises(SettingsInvalid) as caught:
        load_settings(data={"audiences": {"/srv": label}})
    assert "audiences" in caught.value.message


def test_one_id_with_two_labels_in_one_ingestion_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    lines = [
        {"_id": "a", "text": "x", "audience": "hr"},
        {"_id": "a", "text": "x"},
        {"_id": "a", "text": "x", "audience": "hr"},
    ]
    path.write_text("\n".join(map(json.dumps, lines)))
    found = list(prepare(path, Settings(), "local", "c"))
    assert [type(each) is FailedFile for each in found] == [False, True]
    assert isinstance(found[1], FailedFile)
    assert "audience" in found[1].reason


def test_a_record_with_two_labels_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps({"text": "x", "audience": "hr", "metadata": {"audience": "board"}}))
    (found,) = load_paths([path], Settings())
    assert isinstance(found, FailedFile)
    assert "different" in found.reason
