"""Opening a service on the corpus `small`, asking it, and waiting for what a test needs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import PrivateAttr

from experience.service import ResearchRequest, ResearchService, open_service
from experience.service.deletion import Checkpoints
from gateway import Answer, ScriptedChatModel
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


@contextmanager
def leaving_checkpoints(patch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let finished runs leave all their checkpoints in the block, as an earlier release did."""

    async def nothing(*_: Any) -> None:
        """Remove none."""

    with patch.context() as own:
        own.setattr(Checkpoints, "keep_latest", nothing)
        yield


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


class HeldModel(ScriptedChatModel):
    """Plays every role; the researcher's answers wait until `release` is called.

    A run of it is certainly in progress while a test does something beside it, however slow the machine is.
    """

    _released: asyncio.Event = PrivateAttr(default_factory=asyncio.Event)

    def release(self) -> None:
        """Let the answers go, those to come too."""
        self._released.set()

    async def _agenerate(self, messages: Any, *given: Any, role_schema: str = "", **options: Any) -> Any:
        if role_schema == "ResearchPlan":
            await self._released.wait()
        return await super()._agenerate(messages, *given, role_schema=role_schema, **options)


def held_plan() -> HeldModel:
    return HeldModel(script=scripted().script)


async def until_started(events: Any, node: str) -> None:
    async for event in events:
        if event.type == "node_started" and event.node == node:
            return
