"""What orchestration costs: the whole service against a bare LangGraph graph of the same supersteps.

Ours: zero-latency scripted model, stub corpus and guards, but the real checks, ledger, thread table, leases and spans.
Bare: nodes that return a small update, upstream's saver on SQLite and `durability="sync"`; the same on our saver tells
what that alone gains. Each run has a new thread, and passages that no run before it has read.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
import uuid
from collections.abc import Awaitable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, TypedDict

from langchain_core.embeddings import DeterministicFakeEmbedding
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Send

from benchmarks.figures import ROUNDS, Figure, show
from experience.service import ResearchRequest, ResearchService
from experience.service.threads import Threads
from gateway import Gateway, Ledger
from graphs import open_checkpointer
from graphs.opening import compile_research_graph
from nodes import Collaborators
from observability import configure_tracing
from policy import GuardChain
from settings import Settings
from state.channels import ResearchContext
from tests.doubles.corpora import TEXTS, StubCorpora, StubCorpus
from tests.doubles.roles import scripted

RUNS = 15
"""Runs of each kind in a round, whose median counts."""

WARM_UP = 2
"""Runs that do not count: the first ones of a process take longer."""

QUESTION = "When did the Falcon start; What does Tariff A cost"
STEPS = (
    "guard_input",
    "researcher",
    "guard_evidence",
    "analyzer",
    "writer",
    "verifier",
    "reviewer",
    "guard_output",
    "publish",
)


class Bare(TypedDict, total=False):
    """The bare graph's state."""

    question: str
    seen: Annotated[list[str], lambda left, right: [*left, *right]]


def bare_graph(saver: Any) -> Any:
    """Return a graph of the same supersteps that does nothing."""
    graph = StateGraph(Bare)

    def step(name: str) -> Any:
        async def run(state: Any) -> dict[str, Any]:  # noqa: ARG001
            return {"seen": [name]}

        return run

    for name in (*STEPS, "retrieve"):
        graph.add_node(name, step(name))
    graph.add_edge(START, "guard_input")
    graph.add_edge("guard_input", "researcher")
    graph.add_conditional_edges(
        "researcher", lambda _: [Send("retrieve", {"n": 1}), Send("retrieve", {"n": 2})], ["retrieve"]
    )
    chain = ("retrieve", *STEPS[2:], END)
    for source, target in pairwise(chain):
        graph.add_edge(source, target)
    return graph.compile(checkpointer=saver)


def corpora_texts() -> dict[str, dict[str, str]]:
    """Return the texts of a corpus for each run, by its name: what is kept of one run helps no other."""
    return {
        f"c{n}": {key: text.replace("project", f"project {n}").replace("12", f"{n}12") for key, text in TEXTS.items()}
        for n in range(1, WARM_UP + ROUNDS * RUNS + 1)
    }


async def measure(home: Path) -> Mapping[str, list[float]]:
    """Return the seconds of each run: ours, bare with upstream's saver, bare with ours, in turn."""
    settings = Settings(home=home)
    configure_tracing(settings)
    embeddings = DeterministicFakeEmbedding(size=8)
    gateway = Gateway(settings, ledger=Ledger(settings), embeddings=embeddings, models={"scripted:m": scripted()})
    corpora = StubCorpora({("local", name): StubCorpus(name, texts) for name, texts in corpora_texts().items()})
    parts = Collaborators(
        gateway=gateway,
        corpora=corpora,  # type: ignore[arg-type]
        guards=GuardChain((), settings.policy),
        passages_per_sub_question=settings.retrieval.passages_per_sub_question,
    )
    threads = Threads(settings, lease_seconds=60)
    await threads.setup()
    taken: dict[str, list[float]] = {"ours": [], "bare": [], "swift": []}
    async with (
        compile_research_graph(settings, parts) as graph,
        AsyncSqliteSaver.from_conn_string(str(home / "upstream.db")) as upstream,
        open_checkpointer(home / "bare.db") as saver,
    ):
        await upstream.conn.execute("PRAGMA synchronous=NORMAL")  # as ours has it
        service = ResearchService(settings, parts, graph, threads)
        plain, swifter = bare_graph(upstream), bare_graph(saver)
        for name in corpora_texts():
            request = ResearchRequest(question=QUESTION, context=ResearchContext(corpus=name, model="scripted:m"))
            taken["ours"].append(await timed(service.run(request)))
            for kind, graph_of in (("bare", plain), ("swift", swifter)):
                config = {"configurable": {"thread_id": uuid.uuid4().hex}}
                taken[kind].append(await timed(graph_of.ainvoke({"question": QUESTION}, config, durability="sync")))
    await threads.aclose()
    await gateway.aclose()
    return taken


async def timed(work: Awaitable[Any]) -> float:
    """Return the seconds that `work` takes."""
    began = time.perf_counter()
    await work
    return time.perf_counter() - began


def rounds(seconds: list[float]) -> list[float]:
    """Return the median of each round, in milliseconds."""
    counted = seconds[WARM_UP:]
    return [statistics.median(counted[n * RUNS : (n + 1) * RUNS]) * 1000 for n in range(ROUNDS)]


def figures() -> Iterator[Figure]:
    """Yield the ratios of the medians."""
    with tempfile.TemporaryDirectory() as folder:
        taken = {kind: rounds(seconds) for kind, seconds in asyncio.run(measure(Path(folder))).items()}
    what = "a run of the service against the bare graph on upstream's saver"
    yield Figure(name="orchestration.run", what=what, unit="ms", ours=taken["ours"], baseline=taken["bare"], target=2)
    what = "the bare graph on our saver against upstream's"
    yield Figure(name="orchestration.saver", what=what, unit="ms", ours=taken["swift"], baseline=taken["bare"])


if __name__ == "__main__":
    show(figures())
