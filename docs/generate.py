"""Writes the generated parts of the documentation; with `--check` only compares them.

`python -m docs.generate [--check]`
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from unittest.mock import create_autospec

from graphs import build_research_graph
from nodes import Collaborators

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
_GRAPH = re.compile(r"(?<=<!-- graph -->\n)```mermaid\n.*?```\n", re.DOTALL)


def graph_picture() -> str:
    """Return the compiled graph as a Mermaid code block."""
    graph = build_research_graph(create_autospec(Collaborators, instance=True)).compile()
    drawn = graph.get_graph().draw_mermaid(with_styles=False)
    return f"```mermaid\n{drawn.strip()}\n```\n"


def main() -> int:
    """Write or compare; return 1 where the README does not show the graph as it is."""
    text = README.read_text(encoding="utf-8")
    wanted = _GRAPH.sub(lambda _: graph_picture(), text, count=1)
    if "--check" in sys.argv:
        same = wanted == text and bool(_GRAPH.search(text))
        sys.stderr.write("README: the graph is as compiled\n" if same else "README: run `make docs`\n")
        return 0 if same else 1
    README.write_text(wanted, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
