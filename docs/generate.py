"""Write the generated parts of the documentation; with `--check`, only compare them.

`python -m docs.generate [--check]`
"""

from __future__ import annotations

import re
import subprocess
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
_WHOLE_FILE = re.compile(r"\A.*\Z", re.DOTALL)


def graph_picture() -> str:
    """Return the compiled graph as a Mermaid code block."""
    graph = build_research_graph(create_autospec(Collaborators, instance=True)).compile()
    drawn = graph.get_graph().draw_mermaid(with_styles=False)
    return f"```mermaid\n{drawn.strip()}\n```\n"


def sql_table() -> str:
    """Return the table of all statements for Oracle Database, and how they are rewritten before they are parsed."""
    rewrites = "; ".join(reason for _, _, reason in REWRITES)
    return f"{table()}\nRewritten for the parser: {rewrites}.\n"


def command_line() -> str:
    """Return the reference of every command and option, as Typer documents its own applications."""
    command = [sys.executable, "-m", "typer", "experience.cli.app", "utils", "docs", "--name", "sixplane"]
    # A process of its own, because Typer's documentation command keeps the application in a global variable.
    written = subprocess.run(  # noqa: S603 - our own interpreter, no argument from outside
        [*command, "--title", "Command line"], cwd=ROOT, check=True, capture_output=True, text=True, encoding="utf-8"
    )
    note = "<!-- Generated from the command line by `make docs`: edit the help texts, not this file. -->"
    return f"{note}\n\n{written.stdout}"


PARTS: dict[str, tuple[re.Pattern[str], Callable[[], str], str]] = {
    "README.md": (_GRAPH, graph_picture, "the graph is as compiled"),
    "docs/oracle.md": (_SQL, sql_table, "the statements are those of the golden files"),
    "docs/cli.md": (_WHOLE_FILE, command_line, "the commands and options are those of the command line"),
}
"""For each file with a generated part: where the part is, what writes it, and what a successful check means."""


def main() -> int:
    """Write or compare every part; return 1 if a file differs from what would be generated."""
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
