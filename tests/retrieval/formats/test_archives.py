"""Archives: their members are documents of their own, and nothing leaves the limits or the folder."""

from __future__ import annotations

import builtins
import bz2
import gzip
import io
import json
import lzma
import stat
import tarfile
import zipfile
from importlib import import_module
from pathlib import Path

import pytest

from retrieval.documents import FailedFile, LoadedDocument
from retrieval.loaders.formats import format_of
from retrieval.loaders.source import Source
from settings import Settings
from tests.retrieval.formats.loading import loaded, one, saved


def zipped(members: dict[str, str | bytes]) -> bytes:
    """Return a ZIP archive."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return made.getvalue()


def tarred(members: dict[str, str | bytes], mode: str = "w") -> bytes:
    """Return a TAR archive."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode=mode) as archive:
        for name, content in members.items():
            data = content.encode() if isinstance(content, str) else content
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return made.getvalue()


def found(path: Path, **data: object) -> dict[str, str]:
    """Return the text of each document, and the reason of each failure, by name from the container on."""
    return {
        path.name + item.source.partition(path.name)[2]: item.text if isinstance(item, LoadedDocument) else item.reason
        for item in loaded(path, **data)
    }


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.zip", zipped({"b/c.txt": "One.", "d.md": "# Two"})),
        ("a.tar", tarred({"b/c.txt": "One.", "d.md": "# Two"})),
        ("a.tgz", tarred({"./b/c.txt": "One.", "d.md": "# Two"}, "w:gz")),
        ("a.tar.gz", tarred({"b/c.txt": "One.", "d.md": "# Two"}, "w:gz")),
        ("a.tar.bz2", tarred({"b/c.txt": "One.", "d.md": "# Two"}, "w:bz2")),
        ("a.tar.xz", tarred({"b/c.txt": "One.", "d.md": "# Two"}, "w:xz")),
    ],
)
def test_members_are_documents_named_after_the_archive(tmp_path, name, content):
    path = saved(tmp_path, name, content)
    assert found(path) == {f"{name}!/b/c.txt": "One.", f"{name}!/d.md": "Two"}
    first, second = loaded(path)
    assert (first.document_id, first.title, second.title) == (f"{tmp_path.name}/{name}!/b/c.txt", "c", "Two")


@pytest.mark.parametrize(("suffix", "compress"), [("gz", gzip.compress), ("bz2", bz2.compress), ("xz", lzma.compress)])
def test_a_compressed_file_is_its_only_member(tmp_path, suffix, compress):
    assert found(saved(tmp_path, f"a.csv.{suffix}", compress(b"x,y\n1,2\n"))) == {
        f"a.csv.{suffix}!/a.csv": "x: 1; y: 2"
    }


def test_archives_within_archives_and_lines_within_files_keep_their_names(tmp_path):
    inner = zipped({"c.jsonl": json.dumps({"_id": "k", "text": "Line."}) + "\n{"})
    assert found(saved(tmp_path, "a.zip", zipped({"b.zip": inner}))) == {
        "a.zip!/b.zip!/c.jsonl#k": "Line.",
        "a.zip!/b.zip!/c.jsonl:2": "the line is not valid JSON; correct it",
    }


def test_a_member_that_fails_harms_no_other(tmp_path):
    members = {"a.exe": "MZ", "b.json": "{", "c.txt": "", "d.txt": "Text.", "__MACOSX/._d.txt": "x", ".git/e.txt": "x"}
    assert found(saved(tmp_path, "a.zip", zipped(members))) == {
        "a.zip!/a.exe": "unsupported format '.exe'; convert it to PDF, HTML, DOCX or plain text",
        "a.zip!/b.json": "it is not valid JSON in line 1, column 2; correct it",
        "a.zip!/c.txt": "it is empty; remove it or add text to it",
        "a.zip!/d.txt": "Text.",
    }


@pytest.mark.parametrize("name", ["../out.txt", "b/../../out.txt", "/etc/out.txt", "C:\\out.txt", "..\\out.txt"])
@pytest.mark.parametrize("packed", [zipped, tarred])
def test_a_name_that_leads_out_of_the_archive_is_reported(tmp_path, name, packed):
    path = saved(tmp_path, "a.zip" if packed is zipped else "a.tar", packed({name: "x", "in.txt": "Text."}))
    reported, kept = loaded(path)
    assert isinstance(reported, FailedFile)
    assert "leads out of the archive" in reported.reason
    assert kept.text == "Text."
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_links_and_devices_are_not_followed(tmp_path):
    saved(tmp_path, "secret.txt", "SECRET")
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for name, kind in (("s.txt", tarfile.SYMTYPE), ("h.txt", tarfile.LNKTYPE), ("f.txt", tarfile.FIFOTYPE)):
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = kind, str(tmp_path / "secret.txt")
            archive.addfile(entry)
    reasons = found(tmp_path / "a.tar")
    assert ["it is a link" in reasons[f"a.tar!/{name}.txt"] for name in "sh"] == [True, True]
    assert reasons["a.tar!/f.txt"] == "it is not a regular file"
    entry = zipfile.ZipInfo("s.txt")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(entry, str(tmp_path / "secret.txt"))
    assert "it is a link" in found(tmp_path / "a.zip")["a.zip!/s.txt"]


def test_an_encrypted_member_is_reported(tmp_path):
    content = bytearray(zipped({"a.txt": "Text.", "b.txt": "Text."}))
    for signature, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + at] |= 1
    assert found(saved(tmp_path, "a.zip", bytes(content))) == {
        "a.zip!/a.txt": "it is encrypted; unpack the archive with its password and ingest the folder",
        "a.zip!/b.txt": "Text.",
    }


def test_a_damaged_member_is_reported(tmp_path):
    content = bytearray(zipped({"a.txt": "Text. " * 50, "b.txt": "Text."}))
    content[45] ^= 0xFF
    assert found(saved(tmp_path, "a.zip", bytes(content))) == {
        "a.zip!/a.txt": "it is damaged; pack the archive again",
        "a.zip!/b.txt": "Text.",
    }


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.zip", b"PK\x03\x04no"), ("a.tar", b"no tar" * 200), ("a.tar.gz", gzip.compress(b"x" * 999)[:20])],
    ids=["zip", "tar", "gz"],
)
def test_what_is_no_archive_is_refused(tmp_path, name, content):
    assert found(saved(tmp_path, name, content)) == {name: "it is damaged, or no archive; pack it again"}


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz", "a.msg", "a.odt", "a.docx"])
def test_a_file_that_may_not_be_read_is_not_called_damaged(tmp_path, name, monkeypatch):
    path, opened = saved(tmp_path, name, zipped({"a.txt": "x"})), io.open

    def refusing(file, *arguments, **named):
        if str(file) == str(path):
            raise PermissionError(13, "Permission denied")
        return opened(file, *arguments, **named)

    monkeypatch.setattr(io, "open", refusing)
    monkeypatch.setattr(builtins, "open", refusing)
    module = import_module(f"retrieval.loaders.{format_of(path)}")
    with pytest.raises(PermissionError):
        list(module.load(Source(path, Settings().data, tmp_path, 1000)))


def test_a_package_that_was_cut_is_called_damaged(tmp_path):
    reasons = set()
    whole = zipped({"content.xml": "<a/>" * 100, "_rels/.rels": "x" * 300, "b": bytes(200)})
    for at in range(30, len(whole), 7):
        reasons |= {item.reason for item in loaded(saved(tmp_path, "a.odt", whole[at:]))}
    assert reasons == {"it is damaged or encrypted; open and save it again with LibreOffice"}


def test_members_before_a_damaged_place_are_kept(tmp_path):
    whole = tarred({"a.txt": "Text.", "b.txt": "x" * 100_000})
    assert found(saved(tmp_path, "a.tar", whole[:20_000])) == {
        "a.tar!/a.txt": "Text.",
        "a.tar": "it is damaged, or no archive; pack it again",
    }


BOMB = "0" * 100_000


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.zip", zipped({"a.txt": "Text.", "b.txt": BOMB})),
        ("a.tar.gz", tarred({"a.txt": "Text.", "b.txt": BOMB}, "w:gz")),
        ("a.zip", zipped({"a.txt": "Text.", "b.zip": zipped({"c.txt": BOMB})})),
        ("a.zip", zipped({"a.txt": "Text.", "b.txt.gz": gzip.compress(BOMB.encode())})),
        ("a.zip", zipped({"a.txt": "Text.", **{f"{n}.txt": "0" * 20_000 for n in range(5)}})),
    ],
)
def test_unpacked_bytes_are_bounded_whatever_an_archive_states(tmp_path, name, content):
    reasons = found(saved(tmp_path, name, content), limits={"unpacked_bytes": 50_000})
    assert reasons.pop(f"{name}!/a.txt") == "Text."
    assert any(
        reason == "it unpacks to more than 50,000 bytes; split it, or raise SIXPLANE_DATA__LIMITS__UNPACKED_BYTES"
        for reason in reasons.values()
    )


def test_an_endless_header_of_a_tar_is_bounded(tmp_path):
    entry = tarfile.TarInfo("a.txt")
    entry.pax_headers = {"comment": "x" * 100_000}
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz", format=tarfile.PAX_FORMAT) as archive:
        archive.addfile(entry)
    (reason,) = found(tmp_path / "a.tar.gz", limits={"unpacked_bytes": 50_000}).values()
    assert "unpacks to more than" in reason


def test_members_and_depth_are_bounded(tmp_path):
    many = saved(tmp_path, "a.zip", zipped({f"{n}.txt": "x" for n in range(9)}))
    found_in = found(many, limits={"members": 5})
    assert len(found_in) == 6
    assert found_in["a.zip"] == "it holds more than 5 files; split it, or raise SIXPLANE_DATA__LIMITS__MEMBERS"
    nested = zipped({"in.txt": "x"})
    for _ in range(4):
        nested = zipped({"b.zip": nested, "c.txt": "x"})
    deep = found(saved(tmp_path, "d.zip", nested), limits={"containers": 2})
    assert deep == {
        "d.zip!/b.zip!/b.zip": "it is nested in 2 others; unpack it, or raise SIXPLANE_DATA__LIMITS__CONTAINERS",
        "d.zip!/b.zip!/c.txt": "x",
        "d.zip!/c.txt": "x",
    }


def test_names_in_other_encodings_and_of_any_length_are_kept(tmp_path):
    utf8, cyrillic = zipfile.ZipInfo("x" * 20), zipfile.ZipInfo("y" * 9)
    content = zipped({utf8.filename: "x", cyrillic.filename: "y", f"{'z' * 300}.txt": "z"})
    content = content.replace(b"x" * 20, "Übergrößen1.txt".encode()[:18].ljust(20, b"_")[:16] + b".txt", 2)
    names = {name.removeprefix("a.zip!/") for name in found(saved(tmp_path, "a.zip", content))}
    assert f"{'z' * 300}.txt" in names
    assert any(name.startswith("Übergrößen") for name in names)


def test_a_title_is_the_name_of_the_member(tmp_path):
    assert one(saved(tmp_path, "a.zip", zipped({"folder/Report 2026.txt": "x"}))).title == "Report 2026"
