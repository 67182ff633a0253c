"""Mutation score of the modules that hold a promise: `python -m tests.mutants [--all | --sample N] [MODULE...]`.

`mutmut` changes one operator, constant, argument or condition at a time and runs the tests that reach the changed
function. A change that no test notices survives. `[tool.mutmut]` in `pyproject.toml` names the modules and the tests.
Without `--all`, a sample of each module is tried, the same in every run. The exit status is 1 below the target.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TARGET = 0.85
SAMPLE = 40
"""Of each module. All of about 5,000 mutants take more than an hour of CPU time, a sample of 40 a quarter of that."""

SERVICE = "experience/service/"
SLOW_TESTS = (
    "tests/experience/service",
    "tests/experience/http/test_corpora.py",
    "tests/experience/http/test_chat.py",
    "tests/conformance/test_corpus.py",
)
"""Whole runs of the service. They reach nearly every module; only the modules of the service itself need them."""

KILLED = ("killed", "timeout", "caught by type check", "segfault")
GROUPS = {
    "routing": ("nodes/analyzer.py", "nodes/reviewer.py", "graphs/research.py"),
    "publishing": ("nodes/publish.py", "nodes/outcome.py", "nodes/guard_output.py", "nodes/rendering.py"),
    "verification": (
        "nodes/verifier.py",
        "nodes/judge/",
        "nodes/checks/",
        "nodes/draft/",
        "nodes/quotes.py",
        "experience/verification.py",
    ),
    "ledger": ("gateway/",),
    "tenancy": (
        "experience/service/",
        "retrieval/filters.py",
        "state/access.py",
        "retrieval/access.py",
        "policy/identity/",
    ),
    "policy": ("policy/",),
}


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("modules", nargs="*", help="paths of modules; all that are configured, without one")
    parser.add_argument("--sample", type=int, default=SAMPLE, help="mutants of each module")
    parser.add_argument("--all", action="store_true", help="try every mutant")
    given = parser.parse_args(arguments)
    names = {
        path: _mutants(path) if given.all else _sampled(path, given.sample) for path in given.modules or _configured()
    }
    slow = [name for path, mutants in names.items() if path.startswith(SERVICE) for name in mutants]
    fast = [name for path, mutants in names.items() if not path.startswith(SERVICE) for name in mutants]
    _run(slow, "")
    _run(fast, " ".join(f"--deselect={path}" for path in SLOW_TESTS))
    return _report({*slow, *fast})


def _run(names: list[str], options: str) -> None:
    if names:
        mutmut = str(Path(sys.executable).with_name("mutmut"))
        # One at a time: two forks that run the same tests at once would share ports, locks and both cores.
        command = [mutmut, "run", "--max-children", "1", *names]
        subprocess.run(command, cwd=ROOT, env={**os.environ, "PYTEST_ADDOPTS": options}, check=True)


def _configured() -> list[str]:
    patterns = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mutmut"]["only_mutate"]
    found = {path for pattern in patterns for path in ROOT.glob(pattern) if path.name != "__init__.py"}
    return sorted(str(path.relative_to(ROOT)) for path in found)


def _mutants(path: str) -> list[str]:
    """Return the names of the mutants of a module, in the order of its lines."""
    from mutmut.mutation.file_mutation import mutate_file_contents
    from mutmut.utils.format_utils import get_mutant_name

    mutated = mutate_file_contents(path, (ROOT / path).read_text(encoding="utf-8"))
    return [get_mutant_name(Path(path), name) for name in mutated.mutant_names]


def _sampled(path: str, size: int) -> list[str]:
    names = _mutants(path)
    return random.Random(path).sample(names, min(size, len(names)))


def _report(wanted: set[str]) -> int:
    """Print the score of each group and the survivors; return 1 where a group is below the target."""
    from mutmut.mutation.data import SourceFileMutationData
    from mutmut.stats import status_by_exit_code

    scores: dict[str, Counter[bool]] = {}
    survivors: list[str] = []
    for path in _configured():
        data = SourceFileMutationData(path=Path(path))
        data.load()
        group = next(group for group, parts in GROUPS.items() if path.startswith(parts))
        score = scores.setdefault(group, Counter())
        for name, code in data.exit_code_by_key.items():
            if name in wanted:
                killed = status_by_exit_code[code] in KILLED
                score[killed] += 1
                survivors += [] if killed else [f"{status_by_exit_code[code]}: {name}"]
    print(*sorted(survivors), sep="\n")
    for group, score in {**scores, "all": sum(scores.values(), Counter())}.items():
        print(f"{group:14}{score[True]:6} of {score.total():5} killed{score[True] / max(1, score.total()):8.1%}")
    return int(any(score[True] < TARGET * score.total() for score in scores.values()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
