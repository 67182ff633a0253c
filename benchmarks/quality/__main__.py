"""`python -m benchmarks.quality`: measures the quality of answers on public sets.

It writes `quality.json` into the home folder, and prints tables. `--write` copies the figures into the documentation
(`docs/reference/evaluation.json`, then `make docs`). A killed run goes on with the same command, unless the code has
changed: then everything is asked anew, except that texts are embedded once.
"""

from __future__ import annotations

import argparse
import asyncio
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.quality.figures import QualityResult, SetResult, set_result
from benchmarks.quality.page import RESULT, tables
from benchmarks.quality.running import Bench, say
from benchmarks.quality.sets import DATA, SETS, PublicSet, sampled
from benchmarks.quality.variants import ABLATIONS, WHOLE


async def measured(chosen: PublicSet, given: argparse.Namespace) -> SetResult:
    """Run the whole graph and the baselines on a set, and the ablations on a sample of it."""
    bench = Bench(chosen, given.home, given.concurrency)
    await bench.ingest()
    questions = chosen.questions(given.sample)
    whole = await bench.evaluated(WHOLE, questions)
    baselines = await bench.baselines(questions, whole)
    few = tuple(sampled(questions, given.ablations))
    ablations = []
    for variant in ABLATIONS if few else ():
        say(f"{chosen.name}: {variant.title}, {len(few)} questions")
        ablations.append((variant, await bench.evaluated(variant, few)))
    return set_result(chosen.name, whole, baselines, ablations, sampled=len(questions) < len(chosen.questions()))


async def main(given: argparse.Namespace) -> None:
    """Measure the sets and write the result after each."""
    done: list[SetResult] = []
    for name in given.sets:
        done.append(await measured(SETS[name], given))
        machine = f"{platform.machine()}, CPython {platform.python_version()}"
        result = QualityResult(date=datetime.now(UTC).date().isoformat(), machine=machine, sets=tuple(done))
        written = result.model_dump_json(exclude_defaults=True) + "\n"
        (given.home / "quality.json").write_text(written, encoding="utf-8")
        if given.write:
            RESULT.write_text(written, encoding="utf-8")
    sys.stdout.write(tables(result))


def parsed() -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality", description=__doc__)
    parser.add_argument("--sets", nargs="+", choices=list(SETS), default=list(SETS), help="the sets")
    parser.add_argument("--sample", type=int, default=None, help="as many questions of each group; default: all")
    parser.add_argument("--ablations", type=int, default=25, help="questions of each group for ablations; 0: none")
    parser.add_argument("--home", type=Path, default=Path(".sixplane/bench/quality"), help="where everything is kept")
    parser.add_argument("--concurrency", type=int, default=2, help="questions at a time")
    parser.add_argument("--write", action="store_true", help="write the figures into the documentation's JSON file")
    return parser.parse_args()


if __name__ == "__main__":
    if not DATA.is_dir():
        sys.exit("skipped: the evaluation data is not beside the checkout")
    asyncio.run(main(parsed()))
