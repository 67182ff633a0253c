"""EPUB: the chapters in the order of reading."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from retrieval.documents import FailedFile
from tests.retrieval.formats.loading import headings, loaded, one, refused

CONTAINER = (
    "<container xmlns='urn:oasis:names:tc:opendocument:xmlns:container'><rootfiles>"
    "<rootfile full-path='OPS/book.opf'/></rootfiles></container>"
)
PAGE = "<?xml version='1.0' encoding='utf-8'?><html xmlns='http://www.w3.org/1999/xhtml'><head><title/></head><body>{}</body></html>"


def epub(path: Path, chapters: dict[str, str], more: dict[str, str] | None = None, manifest: str = "") -> Path:
    """Write a book; its chapters are read in the order in which they are given, and stored in another."""
    items = "".join(
        f"<item id='i{at}' href='{name.replace(' ', '%20')}' media-type='application/xhtml+xml'/>"
        for at, name in enumerate(chapters)
    )
    order = "".join(f"<itemref idref='i{at}'/>" for at in range(len(chapters)))
    book = (
        "<package xmlns='http://www.idpf.org/2007/opf'><metadata xmlns:dc='http://purl.org/dc/elements/1.1/'>"
        "<dc:title>The book</dc:title><dc:creator>Ann</dc:creator><dc:date>2026</dc:date></metadata>"
        f"<manifest>{manifest}{items}</manifest><spine>{order}</spine></package>"
    )
    with zipfile.ZipFile(path, "w") as package:
        for name, text in {"META-INF/container.xml": CONTAINER, "OPS/book.opf": book, **(more or {})}.items():
            package.writestr(name, text)
        for name, text in sorted(chapters.items()):
            if text:
                package.writestr(f"OPS/{name}", PAGE.format(text))
    return path


def test_chapters_are_read_in_the_order_of_the_book(tmp_path):
    path = epub(
        tmp_path / "a.epub",
        {"z one.xhtml": "<h1>One</h1><a id='x'/><p>First.</p>", "a.xhtml": "<h2>Two</h2><p>Then.</p>"},
    )
    found = one(path)
    assert found.text == "One\n\nFirst.\n\nTwo\n\nThen."
    assert (found.title, headings(found)) == ("The book", [(1, "One"), (2, "Two")])
    assert [found.text[each.start :][:3] for each in found.headings] == ["One", "Two"]
    assert found.metadata == {"author": "Ann", "date": "2026"}


def test_a_chapter_without_a_heading_has_its_name_from_the_table_of_contents(tmp_path):
    nav = PAGE.format("<nav><ol><li><a href='one.xhtml#x'>Chapter <b>one</b></a></li></ol></nav>")
    item = "<item id='nav' href='nav.xhtml' media-type='application/xhtml+xml' properties='nav'/>"
    found = one(epub(tmp_path / "a.epub", {"one.xhtml": "<p>Text.</p>"}, {"OPS/nav.xhtml": nav}, item))
    assert (found.text, headings(found)) == ("Text.", [(1, "Chapter one")])


def test_a_missing_chapter_is_reported(tmp_path):
    found, reported = loaded(epub(tmp_path / "a.epub", {"a.xhtml": "<p>Text.</p>", "b.xhtml": ""}))
    assert found.text == "Text."
    assert isinstance(reported, FailedFile)
    assert reported.reason == "its chapter 'OPS/b.xhtml' is missing; get the book again"


def protection(algorithm: str, part: str) -> dict[str, str]:
    return {
        "META-INF/encryption.xml": (
            f"<encryption><EncryptedData><EncryptionMethod Algorithm='{algorithm}'/><CipherData><CipherReference "
            f"URI='{part}'/></CipherData></EncryptedData></encryption>"
        )
    }


def test_a_protected_book_is_refused_and_one_with_scrambled_fonts_is_read(tmp_path):
    chapters = {"a.xhtml": "<p>Text.</p>"}
    protected = protection("http://www.w3.org/2001/04/xmlenc#aes128-cbc", "OPS/a.xhtml")
    assert "protected against copying" in refused(epub(tmp_path / "a.epub", chapters, protected))
    fonts = protection("http://www.idpf.org/2008/embedding", "OPS/font.otf")
    assert one(epub(tmp_path / "b.epub", chapters, fonts)).text == "Text."


@pytest.mark.parametrize("content", [b"no zip", b"PK\x05\x06" + bytes(18)])
def test_what_is_no_book_is_refused(tmp_path, content):
    path = tmp_path / "a.epub"
    path.write_bytes(content)
    assert "it is damaged or encrypted" in refused(path)


def test_a_page_of_xhtml_may_close_elements_in_their_first_tag(tmp_path):
    path = tmp_path / "a.xhtml"
    path.write_text(PAGE.format("<script src='x'/><p>Text.</p>"))
    assert one(path).text == "Text."
