"""`sixplane --help` against a three-command typer program's, `import graphs` against `import langgraph.graph`."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RUNS = 9
PLAIN = """
import typer
app = typer.Typer()
@app.command()
def one(name: str): "One."
@app.command()
def two(name: str): "Two."
@app.command()
def three(name: str): "Three."
app()
"""


def seconds(*command: str) -> float:
    """Return the time of one run of `command`."""
    began = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - began


def compare(label: str, ours: tuple[str, ...], baseline: tuple[str, ...]) -> None:
    """Print the ratio of the medians of alternating runs."""
    pairs = [(seconds(*ours), seconds(*baseline)) for _ in range(RUNS)]
    mine, theirs = (statistics.median(column) for column in zip(*pairs, strict=True))
    print(f"{label}: {mine:.3f} s against {theirs:.3f} s, ratio {mine / theirs:.2f}")


def main() -> None:
    """Measure both."""
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "plain.py"
        plain.write_text(PLAIN)
        sixplane = str(Path(sys.executable).with_name("sixplane"))
        compare("sixplane --help / typer --help", (sixplane, "--help"), (sys.executable, str(plain), "--help"))
    graphs, langgraph = "import graphs", "import langgraph.graph"
    compare("import graphs / import langgraph.graph", (sys.executable, "-c", graphs), (sys.executable, "-c", langgraph))


if __name__ == "__main__":
    main()
