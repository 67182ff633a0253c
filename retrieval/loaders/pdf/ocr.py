"""OCR of pages without text by tesseract, if it is installed."""

from __future__ import annotations

import math

import pypdfium2

from retrieval.loaders.errors import LoadFault
from retrieval.loaders.pdf.pages import Line, Page
from settings.reading import OcrSettings

_DOTS = 300 / 72
"""300 dots an inch, which tesseract's documentation recommends; a unit of PDF is 1/72 inch."""

_MOST_DOTS = 40_000_000
"""A larger page, such as a plan, is drawn with fewer dots: 40 million of them are an A2 page at 300 dots an inch."""


def recognised(page: pypdfium2.PdfPage, settings: OcrSettings) -> Page:
    """Return what tesseract reads on the picture of a page. The size of its letters is not known.

    Raises:
        LoadFault: tesseract, its wrapper or the data of a language are not installed, or the page takes too long.
    """
    try:
        import pytesseract
    except ImportError:
        raise LoadFault("OCR needs `pip install 'sixplane[ocr]'`; install it, or ingest without --ocr") from None
    width, height = page.get_size()
    scale = min(_DOTS, math.sqrt(_MOST_DOTS / max(width * height, 1)))
    picture = page.render(scale=scale, grayscale=True).to_pil()
    try:
        text: str = pytesseract.image_to_string(picture, lang=settings.languages, timeout=settings.page_seconds)
    except pytesseract.TesseractNotFoundError:
        raise LoadFault("OCR needs tesseract; install it (Debian: tesseract-ocr), or ingest without --ocr") from None
    except pytesseract.TesseractError as error:
        raise LoadFault(_refusal(str(error.message), settings.languages)) from None
    except RuntimeError:  # the wrapper's only sign of a time limit
        raise LoadFault(
            f"OCR of a page takes more than {settings.page_seconds:g} seconds; raise SIXPLANE_DATA__OCR__PAGE_SECONDS"
        ) from None
    lines = [Line(line.strip(), 0.0, 0.0, 0.0) for line in text.replace("\f", "").strip().split("\n")]
    return Page(lines if text.strip() else [], sum(map(len, text.split())), 0, drawn=True)


def _refusal(message: str, languages: str) -> str:
    if "language" in message:
        return f"tesseract lacks the data of a language of {languages!r}; install it (Debian: tesseract-ocr-NAME)"
    return "tesseract cannot read one of its pages; see that memory and the disk are free, and ingest again"
