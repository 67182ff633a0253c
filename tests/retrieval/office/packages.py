"""Small Office files written as XML, for what the libraries do not write."""

from __future__ import annotations

import zipfile
from pathlib import Path

from retrieval.documents import FailedFile, LoadedDocument
from retrieval.loaders import load_paths
from settings import Settings

OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
PREFIXES = {
    "w": WORD,
    "r": OFFICE,
    "mc": "http://schemas.openxmlformats.org/markup-compatibility/2006",
    "m": "http://schemas.openxmlformats.org/officeDocument/2006/math",
    "a": "http://schemas.openxmlformats.org/drawingml/2006/main",
    "c": "http://schemas.openxmlformats.org/drawingml/2006/chart",
    "wps": "http://schemas.microsoft.com/office/word/2010/wordprocessingShape",
    "v": "urn:schemas-microsoft-com:vml",
}


def element(name: str, content: str) -> str:
    """Return a root element that declares all prefixes."""
    declared = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in PREFIXES.items())
    return f"<{name} {declared}>{content}</{name}>"


def relationships(targets: dict[str, str]) -> str:
    """Return a part of relationships: kind by target; ids are `rId1` and so on."""
    uri = "http://schemas.openxmlformats.org/package/2006/relationships"
    each = (
        f'<Relationship Id="rId{n}" Type="{OFFICE}/{kind}" Target="{target}"/>'
        for n, (target, kind) in enumerate(targets.items(), 1)
    )
    return f'<Relationships xmlns="{uri}">{"".join(each)}</Relationships>'


def docx_of(path: Path, body: str, related: dict[str, tuple[str, str]] | None = None, strict: bool = False) -> Path:
    """Write a DOCX file with this body; `related` holds further parts: kind and content by name."""
    related = related or {}
    parts = {
        "_rels/.rels": relationships({"word/document.xml": "officeDocument"}),
        "word/document.xml": element("w:document", f"<w:body>{body}</w:body>"),
        "word/_rels/document.xml.rels": relationships({name: kind for name, (kind, _) in related.items()}),
        **{f"word/{name}": content for name, (_, content) in related.items() if content},
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in parts.items():
            if strict:
                content = content.replace(OFFICE, "http://purl.oclc.org/ooxml/officeDocument/relationships")
                content = content.replace(WORD, "http://purl.oclc.org/ooxml/wordprocessingml/main")
            package.writestr(name, content)
    return path


def loaded(path: Path, **data: object) -> LoadedDocument:
    """Return the only document of a file."""
    (found,) = load_paths([path], Settings(data=data))
    assert isinstance(found, LoadedDocument), found
    return found


def refused(path: Path, **data: object) -> str:
    """Return why a file is refused."""
    (found,) = load_paths([path], Settings(data=data))
    assert isinstance(found, FailedFile), found
    return found.reason
