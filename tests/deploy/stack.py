"""Reads deploy/terraform: the blocks of all its files, as python-hcl2 parses them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import hcl2
from hcl2 import SerializationOptions

from tests.deploy.settings_of import ROOT

FOLDER = ROOT / "deploy" / "terraform"
META = {"provider", "count", "for_each", "depends_on", "lifecycle"}
"""Arguments of Terraform itself, which every resource takes."""
_PLAIN = SerializationOptions(with_comments=False, explicit_blocks=False, strip_string_quotes=True)

Body = Mapping[str, Any]


@cache
def blocks() -> Mapping[str, list[Any]]:
    """Return the blocks of all files by kind: `resource`, `data`, `variable`, `locals`, `output` and so on."""
    found: dict[str, list[Any]] = defaultdict(list)
    for path in sorted(FOLDER.glob("*.tf")):
        for kind, bodies in hcl2.loads(path.read_text(encoding="utf-8"), serialization_options=_PLAIN).items():
            found[kind] += bodies
    return found


def labelled(kind: str) -> Iterator[tuple[str, str, Body]]:
    """Yield type, name and body of each `resource` or `data`."""
    for block in blocks()[kind]:
        for of_type, named in block.items():
            for name, body in named.items():
                yield of_type, name, body


def resource(of_type: str) -> Body:
    """Return the body of the only resource of a type."""
    (body,) = (body for each, _, body in labelled("resource") if each == of_type)
    return body


def variables() -> dict[str, Body]:
    """Return the variables by name."""
    return {name: body for block in blocks()["variable"] for name, body in block.items()}


def outputs() -> dict[str, Body]:
    """Return the outputs by name."""
    return {name: body for block in blocks()["output"] for name, body in block.items()}


def local_values() -> dict[str, Any]:
    """Return the values of all `locals`."""
    return {name: value for block in blocks()["locals"] for name, value in block.items()}
