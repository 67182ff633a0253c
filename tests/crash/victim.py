"""A process that runs one question and can be told where to die: `python -m tests.crash.victim HOME LOG POINT`.

`POINT` is `before:NODE`, `inside:NODE` (after its model was asked), `after:NODE` (its checkpoint not yet committed),
`written:NODE` (its writes are kept, the step's checkpoint is not), `pruning` (within the transaction that deletes older
checkpoints), `resume` or `none`. Dying is SIGKILL to itself.
The environment says where threads and checkpoints are.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from langchain_core.embeddings import DeterministicFakeEmbedding

import experience.service.research as core
import graphs.research as wiring
from experience.service import ResearchRequest, open_service
from graphs.persistence.sqlite_checkpoints import ThreadedSqliteSaver
from settings import Settings
from state.channels import ResearchContext
from tests.doubles.corpora import StubCorpora, StubCorpus
from tests.doubles.roles import scripted

QUESTION = "When did the Falcon start; What does Tariff A cost"
EMBEDDINGS = DeterministicFakeEmbedding(size=8)


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def deadly(log: Path, point: str) -> Any:
    """Wrap every node so that the process logs each start and dies at `point`."""
    when, _, where = point.partition(":")
    wrapped = wiring.traced
    last = ""
    put_writes = ThreadedSqliteSaver.aput_writes

    async def aput_writes(*args: Any, **options: Any) -> None:
        await put_writes(*args, **options)
        if (when, where) == ("written", last):
            die()

    ThreadedSqliteSaver.aput_writes = aput_writes  # type: ignore[method-assign]

    def traced(name: str, node: Any, *, to: Any = ()) -> Any:
        call = type(node).__call__

        async def __call__(self: Any, state: Any, runtime: Any) -> Any:  # noqa: N807
            nonlocal last
            last = name
            with log.open("a") as file:
                file.write(f"{name}\n")
                os.fsync(file.fileno())
            if (when, where) == ("before", name):
                die()
            update = await call(self, state, runtime)
            if when in ("inside", "after") and where == name:
                die()
            return update

        __call__.__annotations__ = call.__annotations__
        __call__.__wrapped__ = call  # type: ignore[attr-defined]
        node.__class__ = type(type(node).__name__, (type(node),), {"__call__": __call__})
        return wrapped(name, node, to=to)

    return traced


def deadly_pruning() -> None:
    """Die between the two statements that delete older checkpoints."""
    delete_older = ThreadedSqliteSaver._delete_older

    def _delete_older(self: Any, thread_id: str) -> None:
        self.conn.set_trace_callback(lambda text: die() if text.startswith("DELETE FROM checkpoints") else None)
        delete_older(self, thread_id)

    ThreadedSqliteSaver._delete_older = _delete_older  # type: ignore[method-assign]


async def main(home: Path, log: Path, point: str) -> None:
    wiring.traced = deadly(log / "nodes.log", point)  # type: ignore[assignment]
    if point == "pruning":
        deadly_pruning()
    opened = core.open_collaborators

    from contextlib import asynccontextmanager

    @asynccontextmanager
    async def stubbed(settings: Any, **rest: Any) -> Any:
        async with opened(settings, **rest) as real:
            stub = StubCorpora({("local", "default"): StubCorpus("default")})
            yield replace(real, corpora=stub)

    core.open_collaborators = stubbed  # type: ignore[assignment]
    settings = Settings(home=home, models={"prices_micro_usd": {"scripted:m": (1000, 1000)}})
    model = scripted(log=log / "calls.jsonl")
    async with open_service(settings, gateway_models={"scripted:m": model}, embeddings=EMBEDDINGS) as service:
        if point == "resume":
            events = [event async for event in service.resume("local", "t")]
            report = events[-1].report.model_dump(mode="json")
        else:
            request = ResearchRequest(question=QUESTION, thread_id="t", context=ResearchContext(model="scripted:m"))
            report = (await service.run(request)).model_dump(mode="json")
    import json

    (log / "report.json").write_text(json.dumps(report))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]))
