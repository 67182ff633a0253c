"""Runs every benchmark in its own process: `python -m benchmarks [NAME…]`."""

from __future__ import annotations

import subprocess
import sys

NAMES = (
    "startup",
    "orchestration",
    "ingestion",
    "retrieval.long_ingestion",
    "loaders",
    "search",
    "retrieval.keyword",
    "scifact",
    "quality",
    "grounding",
    "guards",
    "secrets",
    "personal_data",
    "gateway",
    "telemetry",
    "batch",
    "service",
    "load",
    "scale",
    "cassettes",
    "calls",
)


def main() -> int:
    """Run the named benchmarks, all of them by default; return the number that failed."""
    failed = 0
    for name in sys.argv[1:] or NAMES:
        sys.stdout.write(f"\n== {name}\n")
        sys.stdout.flush()
        failed += subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False).returncode != 0
    return failed


if __name__ == "__main__":
    sys.exit(main())
