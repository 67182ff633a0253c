"""EPUB: the chapters in the order of reading, each as a web page. `ebooklib` is AGPL, and only unzips them."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any, NamedTuple
from urllib.parse import unquote

from lxml import etree

from retrieval.documents import FailedFile, Heading, LoadedDocument
from retrieval.loaders.canonical import HIDDEN, TextBuilder, document
from retrieval.loaders.errors import LoadFault
from retrieval.loaders.html import add_page, decoded_page, opened_elements
from retrieval.loaders.office.package import Parts, local, parts_of
from retrieval.loaders.source import Source

_ABOUT = {"creator": "author", "date": "date", "publisher": "publisher", "language": "language"}
_SCRAMBLED_FONTS = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")
_PAGES = ("application/xhtml+xml", "text/html", "text/x-oeb1-document", "image/svg+xml")


class _Item(NamedTuple):
    part: str
    kind: str
    properties: str


def load(given: Source) -> Iterator[LoadedDocument | FailedFile]:
    """Yield the book as one document; report chapters that are missing."""
    with parts_of(given, "a program for e-books") as parts:
        items = list(_document(given, parts))
    yield from items


def _document(given: Source, parts: Parts) -> Iterator[LoadedDocument | FailedFile]:
    folder, book = _book(parts)
    items, order = _items(book, folder), [each.get("idref") or "" for each in book.iter("{*}itemref")]
    protected = _protected(parts)
    built, hidden, missing = TextBuilder(), 0, []
    labels = _labels(parts, items.values())
    for item in (items[name] for name in order if name in items):
        if item.part in protected:
            raise LoadFault("it is protected against copying (DRM); get it without, or convert it with its own program")
        if item.kind not in _PAGES or "nav" in item.properties.split():
            continue
        if not parts.has(item.part):
            missing.append(item.part)
            continue
        hidden += _add_chapter(built, parts.data(item.part), given, labels.get(item.part, ""))
    about = _about(book)
    yield document(
        given.path,
        built.text,
        parser="epub",
        version=f"2 on {version('selectolax')}",
        title=about.pop("title", ""),
        headings=built.headings,
        blocks=built.blocks,
        metadata={**about, **({HIDDEN: hidden} if hidden else {})},
    )
    for part in missing:
        yield FailedFile(source=given.path.as_posix(), reason=f"its chapter {part!r} is missing; get the book again")


def _add_chapter(built: TextBuilder, data: bytes, given: Source, label: str) -> int:
    """Add a chapter, under its name in the table of contents if it has no heading; return the hidden characters."""
    page = TextBuilder()
    source = opened_elements(decoded_page(data, given.settings.encoding).text)
    _, known = add_page(page, source, given.settings.limits.nesting)
    if label and page.text and not page.headings:
        page.headings.append(Heading(start=0, level=1, title=label))
    built.include(page.text, page.headings, page.blocks)
    return int(known.get(HIDDEN, 0))


def _book(parts: Parts) -> tuple[str, etree._Element]:
    """Return the folder and the root of the part that lists what the book consists of."""
    container = parts.root("META-INF/container.xml")
    named = None if container is None else next(container.iter("{*}rootfile"), None)
    name = unquote((named.get("full-path") if named is not None else None) or "")
    root = parts.root(name)
    if root is None:
        raise KeyError(name)
    return posixpath.dirname(name), root


def _items(book: etree._Element, folder: str) -> dict[str, _Item]:
    return {
        each.get("id") or "": _Item(
            _part(folder, each.get("href") or ""), each.get("media-type") or "", each.get("properties") or ""
        )
        for each in book.iter("{*}item")
    }


def _part(folder: str, reference: str) -> str:
    """Return the name of the part that a reference from `folder` leads to."""
    return posixpath.normpath(posixpath.join("/", folder, unquote(reference.partition("#")[0]))).lstrip("/")


def _protected(parts: Parts) -> set[str]:
    """Return the parts that are encrypted; fonts that are only scrambled do not matter."""
    root = parts.root("META-INF/encryption.xml")
    found: set[str] = set()
    for each in () if root is None else root.iter("{*}EncryptedData"):
        method = next((one.get("Algorithm") or "" for one in each.iter("{*}EncryptionMethod")), "")
        if method not in _SCRAMBLED_FONTS:
            found |= {_part("", one.get("URI") or "") for one in each.iter("{*}CipherReference")}
    return found


def _labels(parts: Parts, items: Any) -> dict[str, str]:
    """Return what the table of contents calls each part, from its form of EPUB 3 or of EPUB 2."""
    found: dict[str, str] = {}
    for item in items:
        is_nav = "nav" in item.properties.split()
        try:
            root = parts.root(item.part) if is_nav or item.kind == "application/x-dtbncx+xml" else None
        except etree.XMLSyntaxError:
            continue  # a table of contents that is damaged costs its names only
        for each in () if root is None else root.iter("{*}a", "{*}navPoint"):
            link = each if local(each) == "a" else next(each.iter("{*}content"), each)
            label = each if local(each) == "a" else next(each.iter("{*}navLabel"), each)
            part = _part(posixpath.dirname(item.part), link.get("href") or link.get("src") or "")
            found.setdefault(part, " ".join("".join(map(str, label.itertext())).split()))
    return found


def _about(book: etree._Element) -> dict[str, Any]:
    """Return the title and what else the book says of itself."""
    found: dict[str, Any] = {}
    for each in next(book.iter("{*}metadata"), book).iter(etree.Element):
        text = " ".join((each.text or "").split())
        key = "title" if local(each) == "title" else _ABOUT.get(local(each), "")
        if key and text:
            found.setdefault(key, text)
    return found
