"""Text that may stand in a page, whatever document it comes from."""

from __future__ import annotations


def clean_html(text: str) -> str:
    """Return `text` without the control characters that HTML forbids and without unpaired surrogates.

    Text extracted from documents may contain both. Either would make the file invalid or impossible to encode.
    """
    allowed = "\n\t"
    kept = "".join(char if char in allowed or (char.isprintable() or char > "\x9f") else " " for char in text)
    return kept.encode("utf-8", "replace").decode()
