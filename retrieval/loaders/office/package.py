"""The zip package of an Office file or a book: its limits, its parts, Strict OOXML, the exceptions of damaged files."""

from __future__ import annotations

import io
import posixpath
import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from lxml import etree

from retrieval.loaders.errors import LoadFault, is_damage
from retrieval.loaders.source import Source
from retrieval.loaders.xml_root import xml_root

_DAMAGED = (
    *(zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, KeyError, ValueError, etree.XMLSyntaxError),
    OSError,
)
"""All of them occurred when damaged files were fuzzed. `zipfile` raises `RuntimeError` for encrypted entries and for
unknown compression; `KeyError` means a missing part."""

_STRICT = b"http://purl.oclc.org/ooxml/"
_STRICT_NAME = re.compile(rb"http://purl\.oclc\.org/ooxml/(\w+)/")
_TRANSITIONAL_NAME = rb"http://schemas.openxmlformats.org/\1/2006/"


@contextmanager
def parts_of(source: Source, program: str) -> Iterator[Parts]:
    """Open the package for the time of the block.

    Args:
        source: the file.
        program: the kind of program that could repair it, for the error.

    Raises:
        LoadFault: it would unpack to more than the limit, or it is damaged, which may show only while it is read.
    """
    try:
        with _opened(source) as file:
            yield Parts(file)
    except LoadFault:
        raise
    except _DAMAGED as error:
        if not is_damage(error):
            raise
        raise LoadFault(f"it is damaged or encrypted; open and save it again with {program}") from error


def _opened(source: Source) -> IO[bytes]:
    """Return the package as a file that the libraries can read.

    Raises:
        LoadFault: it would unpack to more than the limit.
        zipfile.BadZipFile: it is no package.
    """
    with zipfile.ZipFile(source.path) as package:
        # A stream ends at the size that the directory states, so the sum bounds what can be unpacked.
        size, most = sum(entry.file_size for entry in package.infolist()), source.settings.limits.unpacked_bytes
        if size > most:
            raise LoadFault(
                f"it unpacks to {size:,} bytes, more than {most:,}; split it, or raise "
                "SIXPLANE_DATA__LIMITS__UNPACKED_BYTES"
            )
        if "_rels/.rels" not in package.namelist() or _STRICT not in package.read("_rels/.rels"):
            return source.path.open("rb")
        return _transitional(package)


def _transitional(package: zipfile.ZipFile) -> IO[bytes]:
    """Return a copy of a Strict package in the namespaces of Transitional, the only ones that the libraries know."""
    copy = io.BytesIO()
    with zipfile.ZipFile(copy, "w") as written:
        for entry in package.infolist():
            data = package.read(entry)
            if entry.filename.endswith((".xml", ".rels")):
                data = _STRICT_NAME.sub(_TRANSITIONAL_NAME, data)
            written.writestr(entry.filename, data)
    copy.seek(0)
    return copy


class Parts:
    """The XML parts of a package. A part that is missing is `None`: a file without its pictures still has its text."""

    def __init__(self, file: IO[bytes]) -> None:
        self._package = zipfile.ZipFile(file)
        # Some writers differ in the case of names between the directory and the relationships, others write `xl\a.xml`.
        self._names = {name.lower().replace("\\", "/").lstrip("/"): name for name in self._package.namelist()}

    def root(self, name: str | None) -> etree._Element | None:
        """Return the root element of the part `name`."""
        entry = self._names.get((name or "").lower())
        if entry is None:
            return None
        return xml_root(self._package.read(entry))

    def data(self, name: str) -> bytes:
        """Return the part `name`. Raises `KeyError` if it is missing."""
        return self._package.read(self._names[name.lower()])

    def has(self, name: str) -> bool:
        """Return whether there is a part `name`."""
        return name.lower() in self._names

    def stream(self, name: str) -> IO[bytes]:
        """Return the part `name` to be read piece by piece."""
        return self._package.open(self._names[name.lower()])

    def related(self, name: str) -> dict[str, tuple[str, str]]:
        """Return the parts that the part `name` refers to (`""` is the package): kind and name, by id."""
        folder, base = posixpath.split(name)
        found = self.root(posixpath.join(folder, "_rels", f"{base}.rels"))
        return dict(_targets(found, folder)) if found is not None else {}

    def main(self, usual: str) -> str:
        """Return the name of the part that holds the document, `usual` if the package names none that is there."""
        named = self.first("", "officeDocument")
        return named if named is not None and self.has(named) else usual

    def first(self, name: str, kind: str) -> str | None:
        """Return the name of the first part of `kind` that the part `name` refers to."""
        return next((target for each, target in self.related(name).values() if each == kind), None)


def _targets(relationships: etree._Element, folder: str) -> Iterator[tuple[str, tuple[str, str]]]:
    for each in relationships:
        if each.get("TargetMode") != "External":
            kind = (each.get("Type") or "").rpartition("/")[2]
            target = posixpath.normpath(posixpath.join("/", folder, each.get("Target") or ""))
            yield each.get("Id") or "", (kind, target.lstrip("/"))


def local(element: etree._Element) -> str:
    """Return the name of an element without its namespace, by which Strict and Transitional differ."""
    return str(element.tag).rpartition("}")[2]


def child(element: etree._Element, *names: str) -> etree._Element | None:
    """Return the element that the path of `names` leads to, or `None`."""
    found: etree._Element | None = element
    for name in names:
        found = None if found is None else next((each for each in found if local(each) == name), None)
    return found


def value(element: etree._Element | None, name: str = "val") -> str | None:
    """Return the attribute `name` of an element, whatever its namespace."""
    if element is None:
        return None
    return next((str(each) for key, each in element.attrib.items() if str(key).rpartition("}")[2] == name), None)


def is_on(element: etree._Element | None) -> bool:
    """Return whether an element like `<w:vanish/>` switches its property on."""
    return element is not None and value(element) not in ("0", "false", "off", "none")


def whole(stated: str | None, default: int = 0, base: int = 10) -> int:
    """Return a whole number that the file states, or `default` if it is none: one odd value must not cost the file."""
    try:
        return int(stated or "", base) if base != 10 or (stated or "").isdecimal() else int(float(stated or ""))
    except (ValueError, OverflowError):
        return default
