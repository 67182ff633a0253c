"""XML: a document with text between its elements is read as paragraphs, anything else as values with their paths.

DocBook, TEI, JATS and their like are documents: a title is a heading, an element that holds text of its own is a
paragraph. Feeds, exports and configuration are data: see `records`; attributes are values too.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version

from lxml import etree

from retrieval.documents import LoadedDocument
from retrieval.loaders.canonical import TextBuilder, decode, document
from retrieval.loaders.errors import LoadFault
from retrieval.loaders.source import Source
from retrieval.loaders.structured.records import Node, Record, add_lines
from retrieval.loaders.structured.xml_prose import Prose, flat, has_own_text
from retrieval.loaders.xml_root import xml_root

_DECLARATION_END = "?>"
_ABOUT_MARKUP = ("http://www.w3.org/2001/XMLSchema-instance", "http://www.w3.org/XML/1998/namespace")
"""Namespaces whose attributes say how the file is checked and read."""
_LEAST_PROSE = 0.2
"""The share of a document's text that stands amid elements. A chosen value: data hold next to none."""


def load(given: Source) -> Iterator[LoadedDocument]:
    """Yield the file as one document."""
    root = _root(given)
    built = TextBuilder()
    if _is_prose(root):
        Prose(built).add(root)
    else:
        add_lines(built, _node(root), given.settings.limits.cells)
    title = "" if built.headings else _first_title(root)
    yield document(
        given.path,
        built.text,
        parser="lxml",
        version=f"2 on {version('lxml')}",
        title=title,
        headings=built.headings,
        blocks=built.blocks,
    )


def _root(given: Source) -> etree._Element:
    data = given.path.read_bytes()
    try:
        return xml_root(data)
    except etree.XMLSyntaxError as error:
        if "encoding" not in str(error).lower() and "UTF-8" not in str(error):
            raise LoadFault(f"it is not well-formed XML: {error.msg}; correct it") from error
    # The file is in another encoding than it states.
    text = decode(data, given.settings.encoding).text
    if text.startswith("<?xml"):
        text = text[text.find(_DECLARATION_END) + len(_DECLARATION_END) :].lstrip()
    try:
        return xml_root(text)
    except etree.XMLSyntaxError as error:
        raise LoadFault(f"it is not well-formed XML: {error.msg}; correct it") from error


def _is_prose(root: etree._Element) -> bool:
    amid = total = 0
    for element in root.iter(etree.Element):
        own = len((element.text or "").strip()) + sum(len((child.tail or "").strip()) for child in element)
        total += own
        amid += own if len(element) and own else 0
    return amid > _LEAST_PROSE * total


def _first_title(root: etree._Element) -> str:
    found = next(root.iter("{*}title"), None)
    return flat(found) if found is not None and not len(found) else ""


def _node(root: etree._Element) -> Node:
    """Return an element as a value: its attributes, its elements, or its text. The root's own name is left out."""
    built: dict[etree._Element, Node] = {}
    # From the leaves to the root, since elements may be nested deeper than functions.
    for _, element in etree.iterwalk(root, events=("end",)):
        pairs: list[tuple[str, Node]] = [
            (etree.QName(key).localname, text)
            for key, text in element.attrib.items()
            if etree.QName(key).namespace not in _ABOUT_MARKUP
        ]
        if has_own_text(element) or not len(element):
            for child in element.iter(etree.Element):
                built.pop(child, None)
            text = flat(element)
            built[element] = Record([*pairs, *([("", text)] if text else [])]) if pairs else text
        else:
            built[element] = Record([*pairs, *_grouped(element, built)])
    return built[root]


def _grouped(element: etree._Element, built: dict[etree._Element, Node]) -> Iterator[tuple[str, Node]]:
    """Yield the values of an element's children by name; children of one name that follow each other are an array."""
    name, run = "", list[Node]()
    for child in element:
        this = etree.QName(child).localname
        if run and this != name:
            yield name, run[0] if len(run) == 1 else run
            run = []
        name = this
        run.append(built.pop(child))
    if run:
        yield name, run[0] if len(run) == 1 else run
