"""Write the generated parts of the documentation; with `--check`, only compare them.

`python -m docs.generate [--check]`
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import create_autospec

from benchmarks.figures.page import table as speed_table
from benchmarks.quality.page import figures, picture, reliability, reliability_picture
from clients.generator import openapi_text, python_methods, python_models, typescript_types
from docs.access_rules import access_table
from docs.greeting import greeting
from docs.packages import package_diagrams
from docs.sequence import sequence_diagram
from docs.sql_inventory import REWRITES, table
from experience.evaluation import MEASURES
from graphs import build_research_graph
from nodes import Collaborators
from observability.metrics_table import table as metrics_table

ROOT = Path(__file__).resolve().parent.parent
_CLIENT = "clients/python/src/sixplane_client"
_ACCESS = re.compile(r"(?<=<!-- access -->\n).*?(?=<!-- /access -->)", re.DOTALL)
_FIGURES = re.compile(r"(?<=<!-- figures -->\n).*?(?=<!-- /figures -->)", re.DOTALL)
_GRAPH = re.compile(r"(?<=<!-- graph -->\n)```mermaid\n.*?```\n", re.DOTALL)
_MEASURES = re.compile(r"(?<=<!-- measures -->\n).*?(?=<!-- /measures -->)", re.DOTALL)
_METRICS = re.compile(r"(?<=<!-- metrics -->\n).*?(?=<!-- /metrics -->)", re.DOTALL)
_PACKAGES = re.compile(r"(?<=<!-- packages -->\n).*?(?=<!-- /packages -->)", re.DOTALL)
_RELIABILITY = re.compile(r"(?<=<!-- reliability -->\n).*?(?=<!-- /reliability -->)", re.DOTALL)
_SEQUENCE = re.compile(r"(?<=<!-- sequence -->\n).*?(?=<!-- /sequence -->)", re.DOTALL)
_SPEED = re.compile(r"(?<=<!-- speed -->\n).*?(?=<!-- /speed -->)", re.DOTALL)
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


def measures_table() -> str:
    """Return the table of the figures of an evaluation."""
    rows = [f"| {each.title} | {each.meaning} |" for each in MEASURES if not each.key.startswith(("keyword", "dense"))]
    return "\n".join(["| figure | meaning |", "|---|---|", *rows, ""])


def command_line() -> str:
    """Return the reference of every command and option, as Typer documents its own applications."""
    command = [sys.executable, "-m", "typer", "experience.cli.app", "utils", "docs", "--name", "sixplane"]
    # A process of its own, because Typer's documentation command keeps the application in a global variable.
    written = subprocess.run(  # noqa: S603 - our own interpreter, no argument from outside
        [*command, "--title", "Command line"], cwd=ROOT, check=True, capture_output=True, text=True, encoding="utf-8"
    )
    note = "<!-- Generated from the command line by `make docs`: edit the help texts, not this file. -->"
    return f"{note}\n\n{written.stdout}"


@dataclass(frozen=True)
class Part:
    """A generated part of a document: its file, its place there, what makes it, and what holds when it is current."""

    file: str
    place: re.Pattern[str]
    make: Callable[[], str]
    holds: str


PARTS = (
    Part("README.md", _GRAPH, graph_picture, "the graph is as compiled"),
    Part("docs/architecture.md", _PACKAGES, package_diagrams, "the drawings of the packages match the imports"),
    Part("docs/architecture.md", _SEQUENCE, sequence_diagram, "the sequence of one question matches a run"),
    Part("docs/security.md", _ACCESS, access_table, "the rules of access labels are those that the tests try"),
    Part("docs/evaluation.md", _FIGURES, figures, "the figures are those that were measured"),
    Part("docs/evaluation.md", _RELIABILITY, reliability, "the probabilities are those that were measured"),
    Part("docs/reference/answers.svg", _WHOLE_FILE, picture, "the picture shows the figures that were measured"),
    Part("docs/reference/reliability.svg", _WHOLE_FILE, reliability_picture, "so does the reliability diagram"),
    Part("docs/evaluation.md", _MEASURES, measures_table, "the names of the figures are those of the code"),
    Part("docs/measurements.md", _SPEED, speed_table, "the ratios are those of benchmarks/figures.json"),
    Part("docs/telemetry.md", _METRICS, metrics_table, "the metrics are those that are emitted"),
    Part("docs/oracle.md", _SQL, sql_table, "the statements are those of the golden files"),
    Part("docs/cli.md", _WHOLE_FILE, command_line, "the commands and options are those of the command line"),
    Part("experience/mcp/greeting.json", _WHOLE_FILE, greeting, "the answer to `initialize` is the SDK's"),
    Part("clients/openapi.json", _WHOLE_FILE, openapi_text, "the document is the server's"),
    Part(f"{_CLIENT}/models.py", _WHOLE_FILE, python_models, "the models are those of the document"),
    Part(f"{_CLIENT}/client.py", _WHOLE_FILE, python_methods, "the methods are the operations of the document"),
    Part("clients/typescript/src/schema.ts", _WHOLE_FILE, typescript_types, "the types are those of the document"),
)


def main() -> int:
    """Write the parts, or compare them with `--check`; return 1 if a file is not as generated."""
    return max([_write(part, check="--check" in sys.argv) for part in PARTS])


def _write(part: Part, *, check: bool) -> int:
    path = ROOT / part.file
    text = path.read_text(encoding="utf-8")
    made = part.make()
    wanted = part.place.sub(lambda _: made, text, count=1)
    if check:
        same = wanted == text and bool(part.place.search(text))
        sys.stderr.write(f"{part.file}: {part.holds}\n" if same else f"{part.file}: run `make docs`\n")
        return 0 if same else 1
    path.write_text(wanted, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
