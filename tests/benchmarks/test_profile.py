"""Profiles: how sampled stacks become tables, and that the work that is profiled can be done."""

from __future__ import annotations

from contextlib import aclosing
from pathlib import Path

import pytest
from langchain_core.embeddings import DeterministicFakeEmbedding

from benchmarks.profile import work
from benchmarks.profile.stacks import Function, own, tables

SITE = "/venv/lib/python3.11/site-packages"
LIBRARY = "/usr/lib/python3.11"
STACKS = f"""\
main (/here/a.py:1);Corpus.search (/here/retrieval/corpus.py:10) 5
main (/here/a.py:1);Corpus.search (/here/retrieval/corpus.py:12) 2
main (/here/a.py:1);search (/bench/benchmarks/work.py:3) 1
run (/here/a.py:9);Index.find (with spaces) ({SITE}/usearch/index.py:7) 4
run (/here/a.py:9);__instancecheck__ (<frozen abc>:119) 1
run (/here/a.py:9);_run_once ({LIBRARY}/asyncio/base_events.py:1) 2
_bootstrap ({LIBRARY}/threading.py:1);_worker ({LIBRARY}/concurrent/futures/thread.py:81) 90
native 1
"""


def test_samples_are_counted_by_function_without_those_of_waiting_threads() -> None:
    assert own(STACKS.splitlines(), "/here", "/bench") == {
        Function("Corpus.search", "retrieval/corpus.py", "retrieval"): 7,
        Function("search", "benchmarks/work.py", "benchmarks"): 1,
        Function("Index.find (with spaces)", "usearch/index.py", "usearch"): 4,
        Function("__instancecheck__", "<frozen abc>", "standard library"): 1,
        Function("_run_once", "asyncio/base_events.py", "standard library"): 2,
        Function("native", "", "standard library"): 1,
    }


def test_the_tables_hold_the_functions_with_most_samples_and_the_rest() -> None:
    assert tables(own(STACKS.splitlines(), "/here", "/bench"), top=2).splitlines() == [
        "| | own time | function | file |",
        "|---|---|---|---|",
        "| 1 | 43.8% | `Corpus.search` | `retrieval/corpus.py` |",
        "| 2 | 25.0% | `Index.find (with spaces)` | `usearch/index.py` |",
        "| | 31.2% | 4 others | |",
        "",
        "By package: retrieval 44%.",
    ]


@pytest.mark.parametrize("name", [pytest.param("run", marks=pytest.mark.long), "search", "ingest"])
async def test_the_work_can_be_done_again_and_again(name: str, tmp_path: Path) -> None:
    small = {
        "run": lambda: work.run(tmp_path),
        "search": lambda: work.search(tmp_path, rows=30),
        "ingest": lambda: work.ingest(tmp_path, DeterministicFakeEmbedding(size=8)),
    }
    done = 0
    async with aclosing(small[name]()) as times:  # type: ignore[type-var]
        async for _ in times:
            done += 1
            if done == 2:
                break
    assert done == 2
