"""Opening a service on the corpus `small`, asking it, and waiting for what a test needs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from experience.service import ResearchRequest, ResearchService, open_service
from gateway import Answer
from settings import Settings
from state.channels import ResearchContext
from tests.doubles.roles import plan, scripted

PRICE = "What is the price of Tariff A?"
OUTSIDE = "Who was the second president of Uruguay?"
SLOW = "scripted:slow"


def ask(question: str = PRICE, thread: str | None = None, **context: Any) -> ResearchRequest:
    return ResearchRequest(
        question=question, thread_id=thread, context=ResearchContext(**{"corpus": "small", **context})
    )


@asynccontextmanager
async def service_of(home: Path, model: Any = None, **settings: Any) -> AsyncIterator[ResearchService]:
    models = {"scripted:slow": model} if model else None
    async with open_service(Settings(home=home, **settings), gateway_models=models) as service:
        yield service


async def events_of(events: Any) -> list[Any]:
    return [event async for event in events]


def stored_bytes(home: Path) -> bytes:
    """Everything under the home folder: databases with their logs, traces, corpora."""
    return b"".join(path.read_bytes() for path in sorted(home.rglob("*")) if path.is_file())


def slow_plan(seconds: float, asked: asyncio.Event | None = None) -> Any:
    """A model whose researcher takes its time, and says when it was asked."""

    def play(fields: Any, evidence: Any) -> Answer:
        if asked:
            asked.set()
        return Answer(plan(fields, evidence), delay=seconds)

    return scripted(ResearchPlan=play)


async def until_started(events: Any, node: str) -> None:
    async for event in events:
        if event.type == "node_started" and event.node == node:
            return
