"""Writes the generated parts of the documentation; with `--check` only compares them.

`python -m docs.generate [--check]`
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from unittest.mock import create_autospec

from docs.sql_inventory import REWRITES, table
from graphs import build_research_graph
from nodes import Collaborators

ROOT = Path(__file__).resolve().parent.parent
_GRAPH = re.compile(r"(?<=<!-- graph -->\n)```mermaid\n.*?```\n", re.DOTALL)
_SQL = re.compile(r"(?<=<!-- sql -->\n).*?(?=<!-- /sql -->)", re.DOTALL)


def graph_picture() -> str:
    """Return the compiled graph as a Mermaid code block."""
    graph = build_research_graph(create_autospec(Collaborators, instance=True)).compile()
    drawn = graph.get_graph().draw_mermaid(with_styles=False)
    return f"```mermaid\n{drawn.strip()}\n```\n"


def sql_table() -> str:
    """Return the table of all statements for Oracle Database, and what is rewritten before they are parsed."""
    rewrites = "; ".join(reason for _, _, reason in REWRITES)
    return f"{table()}\nRewritten for the parser: {rewrites}.\n"


PARTS: dict[str, tuple[re.Pattern[str], Callable[[], str], str]] = {
    "README.md": (_GRAPH, graph_picture, "the graph is as compiled"),
    "docs/oracle.md": (_SQL, sql_table, "the statements are those of the golden files"),
}
"""The generated part of each file: where it is, what it is, what holds."""


def main() -> int:
    """Write or compare; return 1 where a file is not as generated."""
    return max([_part(name) for name in PARTS])


def _part(name: str) -> int:
    place, made, holds = PARTS[name]
    text = (ROOT / name).read_text(encoding="utf-8")
    part = made()
    wanted = place.sub(lambda _: part, text, count=1)
    if "--check" in sys.argv:
        same = wanted == text and bool(place.search(text))
        sys.stderr.write(f"{name}: {holds}\n" if same else f"{name}: run `make docs`\n")
        return 0 if same else 1
    (ROOT / name).write_text(wanted, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
