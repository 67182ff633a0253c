"""Starts of processes: commands against `import langgraph.graph` in the same run, `--help` against a typer program.

Commands work on a corpus of a hundred documents: the sample handbook and short notes. Each process is new; what is
kept on disk between processes (compiled modules, the compiled encoder) is there.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.figures import ROUNDS, Figure, show

SAMPLE = Path(__file__).resolve().parents[1] / "docs" / "sample"
DOCUMENTS, WARM_UP = 100, 1
QUESTION = "How are on-demand models priced?"
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
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"}},
}
COMPARED = (
    ("help", "`sixplane --help` against a typer program of three commands", "typer", 1.3),
    ("graphs", "`import graphs` against `import langgraph.graph`", "langgraph", 1.25),
    ("search", "`sixplane search` against `import langgraph.graph`", "langgraph", 1.0),
    ("research", "`sixplane research` against `import langgraph.graph`", "langgraph", 1.8),
    ("mcp", "`sixplane mcp` until `initialize` is answered against `import langgraph.graph`", "langgraph", 0.5),
)


def seconds(*command: str) -> float:
    """Return the time of one run of `command`."""
    began = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - began


def seconds_to_answer(*command: str) -> float:
    """Return the time from the start of a server on stdio until it has answered `initialize`."""
    began = time.perf_counter()
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as server:
        if not server.stdin or not server.stdout:
            raise RuntimeError("the server has no pipes")
        server.stdin.write(f"{json.dumps(INITIALIZE)}\n".encode())
        server.stdin.flush()
        answer = json.loads(server.stdout.readline())
        took = time.perf_counter() - began
        server.stdin.close()
    if "result" not in answer:
        raise RuntimeError(f"the server answered {answer}")
    return took


def prepared(folder: Path) -> dict[str, Callable[[], float]]:
    """Return what is started, by name; the corpus is made first."""
    documents, home, plain = folder / "documents", str(folder / "home"), folder / "plain.py"
    shutil.copytree(SAMPLE, documents)
    for number in range(DOCUMENTS - len(list(documents.iterdir()))):
        (documents / f"note-{number}.md").write_text(f"# Note {number}\n\nThe team met on day {number} and agreed.\n")
    plain.write_text(PLAIN)
    sixplane, corpus = str(Path(sys.executable).with_name("sixplane")), ("--corpus", "handbook", "--home", home)
    seconds(sixplane, "ingest", str(documents), *corpus)
    return {
        "langgraph": lambda: seconds(sys.executable, "-c", "import langgraph.graph"),
        "typer": lambda: seconds(sys.executable, str(plain), "--help"),
        "help": lambda: seconds(sixplane, "--help"),
        "graphs": lambda: seconds(sys.executable, "-c", "import graphs"),
        "search": lambda: seconds(sixplane, "search", QUESTION, *corpus),
        "research": lambda: seconds(sixplane, "research", QUESTION, *corpus, "--out", str(folder / "report")),
        "mcp": lambda: seconds_to_answer(sixplane, "mcp", "--home", home),
    }


def figures() -> Iterator[Figure]:
    """Yield the ratio of each start."""
    with tempfile.TemporaryDirectory() as folder:
        starts = prepared(Path(folder))
        taken = [{name: start() for name, start in starts.items()} for _ in range(WARM_UP + ROUNDS)]
    for name, what, baseline, target in COMPARED:
        yield Figure(
            name=f"startup.{name}",
            what=what,
            unit="s",
            ours=[each[name] for each in taken[WARM_UP:]],
            baseline=[each[baseline] for each in taken[WARM_UP:]],
            target=target,
        )


if __name__ == "__main__":
    show(figures())
