"""XML is parsed here, and nowhere else: nothing outside the file is loaded, and entities expand within bounds only."""

from __future__ import annotations

import re
from html.entities import html5
from typing import Literal

from lxml import etree

from retrieval.loaders.errors import LoadFault

_TAG = re.compile(r"<[^<>]*>")


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
    root = _parsed(data, False)  # keeps references to what is not defined, if the file names a DTD that may define it
    dtd = root.getroottree().docinfo.internalDTD
    own = {each.name: _TAG.sub("", each.content or "") for each in dtd.entities()} if dtd is not None else {}
    for entity in list(root.iter(etree.Entity)):
        _replace(entity, own.get(entity.name) or html5.get(f"{entity.name};") or f"&{entity.name};")
    return root


def _parsed(data: bytes | str, entities: Literal["internal", False]) -> etree._Element:
    parser = etree.XMLParser(resolve_entities=entities, no_network=True, remove_comments=True, remove_pis=True)
    try:
        return etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        if "depth" in str(error):
            raise LoadFault("its elements are nested too deeply; save it again as plain text") from error
        if "amplification" in str(error) or "loop" in str(error):
            raise LoadFault("its entities expand to far more than it holds; remove them") from error
        raise


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
