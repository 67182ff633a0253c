"""The real graph, gateway, guards, ledger and saver; a corpus in memory and a scripted model."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from langchain_core.embeddings import DeterministicFakeEmbedding
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.store.memory import InMemoryStore
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from gateway import Gateway, Ledger
from graphs import build_research_graph
from nodes import Collaborators
from observability import configure_tracing
from policy import build_guards
from settings import Settings
from state.channels import ResearchContext
from tests.doubles.corpora import StubCorpora, StubCorpus
from tests.doubles.oracle import RecordingPool
from tests.doubles.oracle.filled import filled
from tests.doubles.roles import scripted

EMBEDDINGS = DeterministicFakeEmbedding(size=8)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, telemetry={"jsonl": False})


@pytest.fixture
def corpora() -> StubCorpora:
    return StubCorpora({("local", "default"): StubCorpus("default"), ("local", "empty"): StubCorpus("empty", {})})


@pytest.fixture
async def build(settings: Settings, corpora: StubCorpora) -> AsyncIterator[Callable[..., Any]]:
    """Return a function that compiles the graph around a model; keyword arguments replace collaborators."""
    gateways = []

    def make(model: Any = None, others: Any = None, **replaced: Any) -> Any:
        models = {"scripted:m": model or scripted(), **(others or {})}
        gateway = Gateway(settings, ledger=Ledger(settings), embeddings=EMBEDDINGS, models=models)
        gateways.append(gateway)
        parts = {
            "gateway": gateway,
            "corpora": corpora,
            "guards": build_guards(settings),
            "passages_per_sub_question": settings.retrieval.passages_per_sub_question,
        }
        graph = build_research_graph(Collaborators(**{**parts, **replaced}))
        return graph.compile(checkpointer=InMemorySaver(), store=InMemoryStore())

    yield make
    for gateway in gateways:
        await gateway.aclose()


@pytest.fixture
def ask() -> Callable[..., Any]:
    """Return a function that asks a graph and gives its report."""

    async def run(graph: Any, question: str, *, thread: str = "t", **context: Any) -> dict[str, Any]:
        config = {"configurable": {"thread_id": f"local/{thread}"}, "run_id": uuid.uuid4(), "recursion_limit": 100}
        chosen = ResearchContext(**{"model": "scripted:m", **context})
        answer = await graph.ainvoke({"question": question}, config, context=chosen, durability="sync")
        return answer["report"]

    return run


@pytest.fixture
def spans(settings: Settings) -> InMemorySpanExporter:
    exporter = InMemorySpanExporter()
    configure_tracing(settings).add_span_processor(SimpleSpanProcessor(exporter))
    return exporter


@pytest.fixture
def pool() -> RecordingPool:
    return filled()
