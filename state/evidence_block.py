"""The evidence block: the format of passages in a prompt. Nodes write it; the extractive model parses it.

Each passage is one line of JSON between two fences that carry a random nonce. JSON escapes line breaks, so a passage
cannot start a line of its own, and the nonce is chosen so that no passage contains it: no passage can close the fence.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterable

from state.values import Kind, Value

_BLOCK = re.compile(
    r"^<evidence nonce=(?P<nonce>[0-9a-f]{16})>\n(?P<body>.*?)^</evidence nonce=(?P=nonce)>$", re.MULTILINE | re.DOTALL
)
_LINE_BREAKS = re.compile("[\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029]")


class EvidenceItem(Value):
    """One passage in a prompt. `sub_questions` holds the ids of the sub-questions that retrieved it.

    `date` and `version` are the document's own, empty if it names none. Texts are neutralised: see `citation_marks`.
    `untrusted`: a guard suspects orders in it. `kind` is that of the passage, left out of prompts where it is prose.
    """

    alias: str
    title: str
    text: str
    source: str = ""
    page: int | None = None
    date: str = ""
    version: str = ""
    heading_path: tuple[str, ...] = ()
    kind: Kind = "prose"
    sub_questions: tuple[str, ...] = ()
    score: float | None = None
    untrusted: bool = False


def render(items: Iterable[EvidenceItem], *, nonce: str | None = None) -> str:
    """Return the block for `items`; `parse` is its inverse. Pass `nonce` (16 hex digits) for a reproducible block."""
    lines = [_escape(item.model_dump_json(exclude_defaults=True)) for item in items]
    fence = nonce or secrets.token_hex(8)
    while any(fence in line for line in lines):
        fence = secrets.token_hex(8)
    return "\n".join([f"<evidence nonce={fence}>", *lines, f"</evidence nonce={fence}>"])


def parse(text: str) -> list[EvidenceItem]:
    """Return the items of the first block in `text`, or an empty list if it has no block.

    Raises:
        ValueError: a line between the fences is not an item.
    """
    found = _BLOCK.search(text)
    if found is None:
        return []
    return [EvidenceItem.model_validate_json(line) for line in found["body"].split("\n") if line]


def _escape(line: str) -> str:
    """Escape the characters that `str.splitlines` treats as line breaks and JSON does not escape."""
    return _LINE_BREAKS.sub(lambda match: json.dumps(match[0])[1:-1], line)
