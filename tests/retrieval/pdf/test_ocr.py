"""OCR of pages without text, by the real tesseract where it is installed."""

from __future__ import annotations

import shutil

import pytest
from PIL import Image, ImageDraw, ImageFont
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from retrieval import loaders
from retrieval.documents import FailedFile, LoadedDocument
from retrieval.loaders import load_paths
from settings import Settings
from tests.retrieval.pdf.files import refused, written
from tests.retrieval.pdf.test_pdf import GLYPHS, NAMELESS, SHOWN

pytest.importorskip("pytesseract")
with_tesseract = pytest.mark.skipif(shutil.which("tesseract") is None, reason="tesseract is not installed")
OCR = {"ocr": {"enabled": True}}


def scan(path, *pages):
    """Write a PDF whose pages are pictures of these texts; one without a text is a grey square."""
    canvas = Canvas(str(path), pagesize=(400, 200))
    for text in pages:
        picture = Image.new("L", (1200, 600), 255 if text else 128)
        ImageDraw.Draw(picture).multiline_text((60, 60), text, font=ImageFont.load_default(64), fill=0)
        canvas.drawImage(ImageReader(picture), 0, 0, 400, 200)
        canvas.showPage()
    canvas.setFont("Helvetica", 12)
    canvas.drawString(30, 100, "A page with a text of its own.")
    canvas.save()
    return path


@with_tesseract
def test_pages_without_text_are_read_by_tesseract(tmp_path):
    document, failed = load_paths([scan(tmp_path / "a.pdf", "The harbour opens\nat seven.", "")], Settings(data=OCR))
    assert isinstance(document, LoadedDocument)
    assert document.text.split("\f") == ["The harbour opens\nat seven.", "", "A page with a text of its own."]
    assert document.headings == ()
    assert isinstance(failed, FailedFile)
    assert failed.reason == "no text on page 2, only pictures, and OCR found no text there"


@with_tesseract
def test_pages_that_did_not_decode_are_read_by_tesseract(tmp_path):
    found = list(load_paths([written(tmp_path / "a.pdf", SHOWN, NAMELESS.format(""), GLYPHS)], Settings(data=OCR)))
    # What is drawn for these codes is up to the fonts of the system; the codes themselves are `&'()0`.
    assert not any("&" in item.text or item.headings for item in found if isinstance(item, LoadedDocument))
    assert not any("decode" in item.reason for item in found if isinstance(item, FailedFile))


@with_tesseract
def test_a_language_that_is_not_installed_is_named(tmp_path):
    path = scan(tmp_path / "a.pdf", "Words")
    assert "tesseract-ocr-NAME" in refused(path, ocr={"enabled": True, "languages": "xxx"})
    assert "PAGE_SECONDS" in refused(path, ocr={"enabled": True, "page_seconds": 0.001})


def test_without_tesseract_the_remedy_is_to_install_it(tmp_path, monkeypatch):
    path = scan(tmp_path / "a.pdf", "Words")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(loaders, "read_apart", loaders.read)  # in this process, which has the new PATH
    assert refused(path, **OCR) == "OCR needs tesseract; install it (Debian: tesseract-ocr), or ingest without --ocr"


def test_ocr_is_off_by_default(tmp_path):
    document, failed = load_paths([scan(tmp_path / "a.pdf", "Words")], Settings())
    assert isinstance(document, LoadedDocument)
    assert document.text == "\fA page with a text of its own."
    assert isinstance(failed, FailedFile)
    assert failed.reason == "no text on page 1, only pictures, and OCR was not asked for: ingest it with --ocr"
