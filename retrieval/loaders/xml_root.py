"""XML is parsed here, and nowhere else: nothing outside the file is loaded, and entities expand within bounds only."""

from __future__ import annotations

import re
from html.entities import html5
from typing import Literal

from lxml import etree

from retrieval.loaders.errors import LoadFault

_NOT_OF_FORM = {
    etree.ErrorTypes.DTD_XMLID_VALUE,
    etree.ErrorTypes.DTD_ID_REDEFINED,
    etree.ErrorTypes.NS_ERR_UNDEFINED_NAMESPACE,
}
"""Errors of the parser that cost nothing of the text."""
_TAG = re.compile(r"<[^<>]*>")
_BEFORE_DOCTYPE = re.compile(rb"(?:\xef\xbb\xbf)?(?:<\?xml\s[^>]*\?>)?(?=[^<]*<)")


def xml_root(data: bytes | str) -> etree._Element:
    """Return the root element, without comments and processing instructions.

    Entities that the file itself defines are expanded as far as the parser's bound of amplification goes. Of others,
    those of HTML become their characters, and the rest stand as they are written.

    Raises:
        LoadFault: it is nested too deeply, or its entities would expand to far more than it holds.
        etree.XMLSyntaxError: it is not well-formed.
    """
    try:
        return _parsed(data, "internal")
    except etree.XMLSyntaxError as error:
        if "not defined" not in str(error):
            raise
    root = _parsed(_naming_a_dtd(data), False)  # keeps references to what is not defined, as the DTD may define it
    dtd = root.getroottree().docinfo.internalDTD
    own = {each.name: _TAG.sub("", each.content or "") for each in dtd.entities()} if dtd is not None else {}
    for entity in list(root.iter(etree.Entity)):
        _replace(entity, own.get(entity.name) or html5.get(f"{entity.name};") or f"&{entity.name};")
    return root


def _naming_a_dtd(data: bytes | str) -> bytes:
    """Return a file that names a DTD: a chapter of a book in several files leaves that to the book."""
    data = data.encode() if isinstance(data, str) else data
    before = _BEFORE_DOCTYPE.match(data)
    if before is None or b"<!DOCTYPE" in data:
        return data
    return data[: before.end()] + b'<!DOCTYPE unknown SYSTEM "unknown">' + data[before.end() :]


def _parsed(data: bytes | str, entities: Literal["internal", False]) -> etree._Element:
    parser = _parser(entities)
    try:
        return etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        if "depth" in str(error):
            raise LoadFault("its elements are nested too deeply; save it again as plain text") from error
        if "amplification" in str(error) or "loop" in str(error):
            raise LoadFault("its entities expand to far more than it holds; remove them") from error
        if "XML_PARSE_HUGE" in str(error) and not _defines_entities(data):
            # One value has more than 10 MB, as a picture may. The wider parser has no bound of amplification.
            return etree.fromstring(data, _parser(entities, huge_tree=True))
        if {entry.type for entry in parser.error_log} <= _NOT_OF_FORM:
            return _without_prefixes(etree.fromstring(data, _parser(entities, recover=True)))
        raise


def _defines_entities(data: bytes | str) -> bool:
    return b"<!ENTITY" in data if isinstance(data, bytes) else "<!ENTITY" in data


def _without_prefixes(root: etree._Element) -> etree._Element:
    """Take the prefixes that have no namespace out of the names: lxml accepts no such name elsewhere."""
    for element in root.iter(etree.Element):
        if _is_prefixed(element.tag):
            element.tag = element.tag.rpartition(":")[2]
        for name in filter(_is_prefixed, element.attrib.keys()):
            element.set(name.rpartition(":")[2], element.attrib.pop(name))
    return root


def _is_prefixed(name: str) -> bool:
    return ":" in name and not name.startswith("{")


def _parser(entities: Literal["internal", False], huge_tree: bool = False, recover: bool = False) -> etree.XMLParser:
    return etree.XMLParser(
        resolve_entities=entities,
        no_network=True,
        remove_comments=True,
        remove_pis=True,
        huge_tree=huge_tree,
        recover=recover,
    )


def _replace(entity: etree._Entity, text: str) -> None:
    """Put `text` in the place of an entity."""
    parent, before = entity.getparent(), entity.getprevious()
    if parent is None:
        return
    text += entity.tail or ""
    if before is None:
        parent.text = (parent.text or "") + text
    else:
        before.tail = (before.tail or "") + text
    entity.tail = None
    parent.remove(entity)
