"""Prints where the time goes: `python -m benchmarks.profile run|search|ingest [--seconds 15] [--code FOLDER]`.

py-spy samples all threads of a process that does the same work again and again, after its imports; threads that wait
are left out. The table holds the twenty functions with most own time: that of the functions they call is not in it, but
that of C code is. `--code` profiles the packages of another checkout, for a comparison with earlier code.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.profile.stacks import own, tables
from benchmarks.profile.work import WORK

ROOT = Path(__file__).resolve().parents[2]
SAMPLES_PER_SECOND = 200


def profile(work: str, seconds: int, code: Path) -> str:
    """Return the tables of one kind of work.

    Raises:
        FileNotFoundError: py-spy is not installed.
        RuntimeError: the work or py-spy failed; they have said why.
    """
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "benchmarks.profile.work", work, f"{folder}/home", str(code)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as worker:
            try:
                told = worker.stdout.readline() if worker.stdout else ""
                if not told:
                    raise RuntimeError(f"{work} ended before it could be profiled")
                stacks = sampled(worker.pid, seconds, Path(folder) / "stacks.txt")
            finally:
                worker.kill()
    return f"{tables(own(stacks, str(code), str(ROOT)))} One {work}, not sampled: {float(told):.1f} ms."


def sampled(process: int, seconds: int, file: Path) -> list[str]:
    """Return the stacks of a process, by way of a file."""
    sampler = Path(sys.executable).with_name("py-spy")
    if not sampler.exists():
        raise FileNotFoundError("py-spy is not installed beside this Python: `pip install py-spy`")
    options = {"pid": process, "output": file, "format": "raw", "rate": SAMPLES_PER_SECOND, "duration": seconds}
    given = [text for name, value in options.items() for text in (f"--{name}", str(value))]
    command = [str(sampler), "record", "--full-filenames", *given]
    if subprocess.run(command, check=False, stdout=subprocess.DEVNULL).returncode:
        raise RuntimeError("py-spy could not sample the process")
    return file.read_text(encoding="utf-8").splitlines()


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.profile", description=__doc__)
    parser.add_argument("work", choices=WORK)
    parser.add_argument("--seconds", type=int, default=15, help="how long samples are taken")
    parser.add_argument("--code", type=Path, default=ROOT, help="the checkout whose packages are profiled")
    given = parser.parse_args()
    try:
        print(profile(given.work, given.seconds, given.code.resolve()))
    except (FileNotFoundError, RuntimeError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
