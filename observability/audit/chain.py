"""The chain of the audit trail: how a line is sealed, and how a sealed line is opened.

A line holds the hash of the line before it (`previous`) and its own (`hash`), the SHA-256 of all its other bytes. So a
changed byte shows in its own line, and a missing, added or moved line in the one after it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

GENESIS = "0" * 64
"""`previous` of the first line."""

ANCHOR = "anchor"
"""The kind of the line that stands for the lines which the retention removed: it has the number and, as `last`, the
hash of the last of them. A line of the kind `retention` further down, in the chain itself, confirms it."""

MAX_LINE = 256 * 1024
"""Most bytes of a line. A chosen value, several times what `MAX_IDS` ids of `MAX_CHARS` characters take."""

_LINE = re.compile(rb'(\{"n":[1-9][0-9]*,[^\n]*),"hash":"([0-9a-f]{64})"\}\n')


class Link(NamedTuple):
    """The number and the hash of a line."""

    number: int
    digest: str


def seal(number: int, fields: Mapping[str, Any], previous: str) -> tuple[bytes, Link]:
    """Return a line with its line feed, and its link."""
    body = json.dumps({"n": number, **fields, "previous": previous}, separators=(",", ":"))
    digest = hashlib.sha256(body.encode()).hexdigest()
    return f'{body[:-1]},"hash":"{digest}"}}\n'.encode(), Link(number, digest)


def opened(line: bytes) -> dict[str, Any]:
    """Return the fields of a sealed line. Raises `ValueError`, with the reason, if a byte of it was changed."""
    match = _LINE.fullmatch(line)
    if match is None:
        raise ValueError("it is not a complete line of an audit trail")
    if hashlib.sha256(match[1] + b"}").hexdigest().encode() != match[2]:
        raise ValueError("its content does not fit its hash")
    try:
        found: dict[str, Any] = json.loads(line)
    except RecursionError:
        found = {}
    texts = ("last",) if found.get("kind") == ANCHOR else ("at", "kind", "object")
    named = found.get("ids", [])
    numbered = type(found.get("n")) is int  # a forged line may have the key twice
    if (
        not numbered
        or not isinstance(named, list)
        or not all(isinstance(found.get(each), str) for each in (*texts, "previous"))
    ):
        raise ValueError("it has not the fields of a line of an audit trail")
    return found


def link_of(fields: Mapping[str, Any]) -> Link:
    """Return the link that the next line has to continue."""
    return Link(fields["n"], fields["last"] if fields["kind"] == ANCHOR else fields["hash"])


def removed_object(last: int) -> str:
    """Return the `object` of the line which says that the retention removed all lines up to number `last`."""
    return f"lines:-{last}"
