"""Runs benchmarks, each in its own process: `python -m benchmarks [NAME…]`, `--list` tells their names.

Without a name the speed benchmarks run: together they take less than ten minutes. The run is written into
`benchmarks/results/`, and `python -m benchmarks.figures check` compares it with the committed figures.
"""

from __future__ import annotations

import sys

from benchmarks.figures.running import run

SPEED = {
    "startup": "the starts of commands and imports",
    "orchestration": "a run against a bare LangGraph graph",
    "search": "hybrid search against its libraries and LanceDB",
    "ingestion": "ingestion against the bare encoder",
    "gateway": "a governed model call against the bare call",
    "batch": "rows a second of a batch against its bound",
    "service": "runs a second and processor time a run of the HTTP service",
}
"""What `make bench` measures: ratios of speed and memory."""

BY_NAME = {
    "telemetry": "a run with telemetry sinks, alive and dead, against one without; a minute",
    "retrieval.long_ingestion": "time and memory of ingesting many and long documents; 10 minutes",
    "retrieval.million": "ingestion, index, search and memory at up to a million passages; an hour",
    "retrieval.keyword": "keyword search with our analyser against tantivy's; 5 minutes",
    "loaders": "words that the loaders lose, of a folder of documents",
    "scifact": "the quality of search on SciFact, and the time of a search; 10 minutes",
    "quality": "the quality of answers on public sets; hours",
    "grounding": "the verifier without a model against human labels; minutes",
    "guards": "the guard against injections on public sets; minutes",
    "secrets": "the guard of secrets on texts without any; a minute",
    "personal_data": "the guard of personal data beside Presidio; minutes",
    "load": "a server beside two busy loops, killed and started again; a minute",
    "scale": "a simulation of replicas on one database; 20 seconds",
    "cassettes": "what the pipeline publishes of hand-written answers; a minute",
    "calls": "model calls and characters by role; a minute",
}
"""What runs only by name: quality, and what takes long or needs data that is not part of the project."""


def listed() -> str:
    """Return the names and what they measure."""
    groups = (("run by `make bench`:", SPEED), ("run by name only:", BY_NAME))
    return "\n".join(
        line for title, group in groups for line in (title, *(f"  {name:25} {what}" for name, what in group.items()))
    )


def main(arguments: list[str]) -> int:
    """Run the named benchmarks, without a name those of speed; return the number that failed."""
    if "--list" in arguments:
        sys.stdout.write(f"{listed()}\n")
        return 0
    unknown = [name for name in arguments if name not in SPEED and name not in BY_NAME]
    if unknown:
        sys.stderr.write(f"there is no benchmark {unknown[0]!r}\n{listed()}\n")
        return 2
    return len(run(arguments or list(SPEED)).failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
