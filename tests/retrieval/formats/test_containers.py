"""Containers within an ingest: access labels, uploads, and readers that hang or may not use much memory."""

from __future__ import annotations

import json

from retrieval.documents import LoadedDocument
from retrieval.loaders import load_paths
from retrieval.loaders.uploads import load_uploads
from settings import Settings
from tests.retrieval.formats.loading import saved
from tests.retrieval.formats.test_archives import zipped


def test_members_get_the_label_of_their_container_unless_they_have_their_own(tmp_path):
    lines = json.dumps({"_id": "k", "text": "Own.", "audience": "board"})
    saved(tmp_path, "a.zip", zipped({"a.txt": "Text.", "b.jsonl": lines}))
    settings = Settings(data={"audiences": {tmp_path: ["finance"]}})
    found = [item for item in load_paths([tmp_path], settings) if isinstance(item, LoadedDocument)]
    assert [(item.text, item.audience) for item in found] == [("Text.", ("finance",)), ("Own.", ("board",))]


def test_members_of_uploads_are_named_without_the_folder_of_the_upload(tmp_path):
    (tmp_path / "1").mkdir()
    saved(tmp_path / "1", "a.zip", zipped({"b/c.txt": "Text.", "d.exe": "MZ"}))
    document, reported = load_uploads(tmp_path, Settings())
    assert (document.document_id, document.source) == ("a.zip!/b/c.txt", "a.zip!/b/c.txt")
    assert reported.source == "a.zip!/d.exe"


def test_nothing_of_a_container_stays_on_the_disk(tmp_path, monkeypatch):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    path = saved(tmp_path, "a.zip", zipped({"a.txt": "One.", "b.txt": "Two.", "c.txt": "Three."}))
    items = load_paths([path], Settings())
    next(items)
    assert list(scratch.iterdir())
    items.close()
    assert not list(scratch.iterdir())
