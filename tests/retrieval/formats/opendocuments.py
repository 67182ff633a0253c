"""Small OpenDocument files written as XML."""

from __future__ import annotations

import zipfile
from pathlib import Path

_NAMES = ("office", "style", "text", "table", "drawing", "xsl-fo-compatible", "svg-compatible", "presentation", "chart")
_PREFIXES = ("office", "style", "text", "table", "draw", "fo", "svg", "presentation", "chart")
_DECLARED = " ".join(
    f'xmlns:{prefix}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
    for prefix, name in zip(_PREFIXES, _NAMES, strict=True)
)
_OTHERS = 'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xlink="http://www.w3.org/1999/xlink"'


def content(kind: str, body: str, styles: str = "", root: str = "document-content", more: str = "") -> str:
    """Return the content of a document of this kind."""
    return (
        f"<office:{root} {_DECLARED} {_OTHERS}>{more}<office:automatic-styles>{styles}</office:automatic-styles>"
        f"<office:body><office:{kind}>{body}</office:{kind}></office:body></office:{root}>"
    )


def odf(path: Path, kind: str, body: str, styles: str = "", **parts: str) -> Path:
    """Write a document; `parts` are further ones, their names with `__` for `/` and `_xml` at the end."""
    with zipfile.ZipFile(path, "w") as package:
        package.writestr("content.xml", content(kind, body, styles))
        for name, text in parts.items():
            package.writestr(name.replace("__", "/").replace("_xml", ".xml"), text)
    return path


def part(root: str, inner: str) -> str:
    """Return a part with this root."""
    return f"<office:{root} {_DECLARED} {_OTHERS}>{inner}</office:{root}>"
