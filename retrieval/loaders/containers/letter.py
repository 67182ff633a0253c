"""A mail as text: what its header says of it, and its body, the same for each format of mail."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from retrieval.documents import LoadedDocument
from retrieval.loaders.canonical import TextBuilder, document, lf, well_formed
from retrieval.loaders.html import add_page

_WORD = re.compile(r"\w+")
_SAME = 0.9
"""The share of the words of an HTML body that its plain part must hold. A chosen value: links and footers differ."""


class Header(NamedTuple):
    """What the header of a mail says; a field that it does not hold is empty."""

    subject: str = ""
    sender: str = ""
    to: str = ""
    cc: str = ""
    bcc: str = ""
    date: datetime | None = None
    stated_date: str = ""
    message_id: str = ""
    in_reply_to: str = ""


class Part(NamedTuple):
    """A part of a body in the forms that the mail gives it."""

    plain: str = ""
    html: str = ""


def letter(
    path: Path, header: Header, parts: Sequence[Part], attachments: Sequence[str], *, parser: str, nesting: int
) -> LoadedDocument:
    """Return the document of a mail: its subject as heading, its header and the names of its attachments, its body."""
    built = TextBuilder()
    built.add(header.subject, 1)
    shown = (
        *(("From", header.sender), ("To", header.to), ("Cc", header.cc), ("Bcc", header.bcc)),
        ("Date", f"{header.date:%Y-%m-%d %H:%M %z}".strip() if header.date else header.stated_date),
        ("Attachments", ", ".join(attachments)),
    )
    built.add("\n".join(f"{name}: {' '.join(text.split())}" for name, text in shown if text.strip()), kind="list")
    hidden: dict[str, Any] = {}
    for part in parts:
        hidden |= _add(built, part, nesting)
    return document(
        path,
        well_formed(built.text),
        parser=parser,
        version="2",
        title=header.subject,
        headings=built.headings,
        blocks=built.blocks,
        metadata={**_about(header), **hidden},
    )


def _about(header: Header) -> dict[str, Any]:
    """Return the metadata, in which a filter can search."""
    given = {
        "subject": header.subject,
        "from": header.sender,
        "to": header.to,
        "cc": header.cc,
        "bcc": header.bcc,
        "date": header.date.isoformat() if header.date else header.stated_date,
        "message_id": header.message_id,
        "in_reply_to": header.in_reply_to,
    }
    return {name: well_formed(" ".join(text.split())) for name, text in given.items() if text.strip()}


def _add(built: TextBuilder, part: Part, nesting: int) -> dict[str, Any]:
    """Add the plain form of a part, or its page if that says more; return what is known of the page."""
    page = TextBuilder()
    known: dict[str, Any] = {}
    if part.html.strip():
        _, known = add_page(page, part.html, nesting)
    if page.text and not _holds(part.plain, page.text):
        built.include(page.text, page.headings, page.blocks)
        return known
    built.add(lf(part.plain).strip("\n"), verbatim=True)
    return {}


def _holds(plain: str, page: str) -> bool:
    """Return whether a plain form says what a page says. Some programs write `View this mail in your browser` there."""
    wanted, given = (Counter(_WORD.findall(text.lower())) for text in (page, plain))
    return (wanted - given).total() <= (1 - _SAME) * wanted.total()
