"""Source code: the canonical text is the file itself, as one block of code."""

from __future__ import annotations

import re
from collections.abc import Iterator

from retrieval.documents import Block, LoadedDocument
from retrieval.loaders.canonical import checked, decode, document
from retrieval.loaders.source import Source

_STATED = re.compile(rb"\A(?:[^\n]*\n)?[^\n]*?coding[:=][ \t]*([-\w.]+)")
"""How Python, Ruby, Emacs and Vim state an encoding in the first two lines."""


def load(given: Source) -> Iterator[LoadedDocument]:
    """Yield the file as one document. Its title keeps the suffix, which tells `util.c` from `util.h`."""
    data = given.path.read_bytes()
    stated = _STATED.match(data)
    read = decode(data, _known(stated[1]) if stated else given.settings.encoding)
    yield document(
        given.path,
        checked(read.text),
        parser="code",
        version="1",
        title=given.path.name,
        blocks=[Block(start=0, end=len(read.text), kind="code")],
        metadata=read.about,
    )


def _known(name: bytes) -> str | None:
    """Return the name of an encoding if Python knows it."""
    try:
        b"a".decode(name.decode())
    except (LookupError, ValueError):
        return None
    return name.decode()
