"""An OpenDocument file, zipped or as one XML file: its content, its styles, its objects, its title."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from lxml import etree

from retrieval.loaders.errors import LoadFault
from retrieval.loaders.office.package import Parts, child, local, parts_of, value
from retrieval.loaders.source import Source
from retrieval.loaders.xml_root import xml_root

_MOST_ANCESTORS = 50
"""A style that inherits from more others inherits from itself. A chosen value."""
_FLAT = (".fodt", ".fods", ".fodp", ".fodg")
_BODIES = ("text", "spreadsheet", "presentation", "drawing", "chart")


@contextmanager
def opened(given: Source) -> Iterator[Odf]:
    """Open the file for the time of the block.

    Raises:
        LoadFault: it is encrypted or damaged, or would unpack to more than the limit.
    """
    if given.path.suffix.lower() in _FLAT:
        try:
            root = xml_root(given.path.read_bytes())
        except etree.XMLSyntaxError as error:
            raise LoadFault(f"it is not well-formed XML: {error.msg}; save it again with LibreOffice") from error
        yield Odf([root], None)
        return
    with parts_of(given, "LibreOffice") as parts:
        manifest = parts.root("META-INF/manifest.xml")
        if manifest is not None and next(manifest.iter("{*}encryption-data"), None) is not None:
            raise LoadFault("it is encrypted; save it again without a password")
        content = parts.root("content.xml")
        if content is None:
            raise KeyError("content.xml")
        others = [root for name in ("styles.xml", "meta.xml") if (root := parts.root(name)) is not None]
        yield Odf([content, *others], parts)


class Odf:
    """The parts of a document; `roots` are the content, the styles and the properties, or one element with all."""

    def __init__(self, roots: list[etree._Element], parts: Parts | None) -> None:
        self.roots, self._parts = roots, parts
        self._styles: dict[tuple[str, str], etree._Element] = {}
        for root in reversed(roots):
            for style in root.iter("{*}style"):
                self._styles[value(style, "family") or "", value(style, "name") or ""] = style

    @property
    def title(self) -> str:
        """The title that the document states."""
        for root in self.roots:
            meta = child(root, "meta")
            found = None if meta is None else child(meta, "title")
            if found is not None:
                return " ".join((found.text or "").split())
        return ""

    def body(self, *kinds: str) -> etree._Element:
        """Return the element that holds the content, of one of these kinds. Raises `LoadFault` if there is none."""
        found = body_of(self.roots[0])
        if found is None or local(found) not in kinds:
            held = "nothing" if found is None else f"a {local(found)} document"
            raise LoadFault(f"it holds {held}, which its name does not say; save it again with LibreOffice")
        return found

    def property_of(self, family: str, name: str | None, group: str, attribute: str) -> str | None:
        """Return a property of a style, or of the styles that it inherits from."""
        for _ in range(_MOST_ANCESTORS):
            style = self._styles.get((family, name or ""))
            if style is None:
                return None
            stated = value(child(style, group), attribute)
            if stated is not None:
                return stated
            name = value(style, "parent-style-name")
        return None

    def object(self, frame: etree._Element) -> etree._Element | None:
        """Return the root of an object that a frame shows: a chart, a formula or another document."""
        for each in frame:
            if local(each) != "object":
                continue
            if len(each):
                return each[0]
            name = (value(each, "href") or "").removeprefix("./")
            if self._parts is not None and name:
                return self._parts.root(f"{name}/content.xml")
        return None


def body_of(root: etree._Element) -> etree._Element | None:
    """Return the content of a document or of an object."""
    body = child(root, "body")
    return next((each for each in body if local(each) in _BODIES), None) if body is not None else None
