"""The fields of a role's prompt. Nodes write them; the extractive model parses them.

Each field is a line `## name` and one line of JSON; the evidence block comes last. JSON contains no line breaks, so a
value cannot start a field of its own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from state.evidence_block import EvidenceItem, parse, render

_FIELD = re.compile(r"## (?P<name>[a-z_]+)\n(?P<value>[^\n]*)(?:\n|\Z)")


def render_fields(fields: Mapping[str, Any], evidence: Iterable[EvidenceItem] = ()) -> str:
    """Return the prompt text of `fields`, followed by the evidence block if there are items."""
    lines = [f"## {name}\n{json.dumps(value, ensure_ascii=False)}" for name, value in fields.items()]
    items = list(evidence)
    return "\n".join([*lines, render(items)] if items else lines)


def parse_fields(text: str) -> tuple[dict[str, Any], list[EvidenceItem]]:
    """Return the fields and items that `render_fields` wrote into `text`.

    Raises:
        ValueError: a field's value is not JSON.
    """
    fields: dict[str, Any] = {}
    position = 0
    while found := _FIELD.match(text, position):
        fields[found["name"]] = json.loads(found["value"])
        position = found.end()
    return fields, parse(text[position:])
