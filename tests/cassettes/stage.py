"""Runs a cassette through the real graph: embedded profile, real corpus, real embeddings, real guards and ledger."""

from __future__ import annotations

import contextlib
import hashlib
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from langchain_core.embeddings import Embeddings
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.store.memory import InMemoryStore

from experience.verification import VerificationResult, verify_report
from gateway import Catalog, Gateway, Ledger, load_catalog
from gateway.cassette.chat import CassetteChatModel
from gateway.cassette.recording import recorded
from gateway.cassette.replay import Fields, Replay
from gateway.cassette.tape import Cassette, load_cassette
from graphs import build_research_graph
from nodes import Collaborators
from policy import build_guards
from retrieval import Corpora, load_embeddings
from settings import Settings
from state.channels import ResearchContext
from state.report import Report
from state.values import Support
from tests.cassettes.check import FOLDER, ROOT

JUDGE = "#judge"


class Unanimous(Replay):
    """A replay whose judge gives every claim the same verdict, carried by all of its quotes."""

    verdict = Support.SUPPORTED

    def __init__(self, cassette: Cassette) -> None:
        super().__init__(cassette)
        self.judged: list[str] = []
        """The text of every claim that the judge was asked about."""

    def verdicts(self, fields: Fields) -> dict[str, Any]:
        self.judged += [claim["text"] for claim in fields.get("claims") or []]
        return {
            "verdicts": [
                {
                    "claim": claim["id"],
                    "verdict": self.verdict,
                    "carried_by": [quote["id"] for quote in claim["quotes"]],
                    "reason": "the judge of this test says so to everything",
                }
                for claim in fields.get("claims") or []
            ]
        }


class Undecided(Unanimous):
    """A replay whose judge cannot tell, whatever it is asked."""

    verdict = Support.UNVERIFIED


@dataclass(frozen=True)
class Played:
    """One finished run."""

    cassette: Cassette
    report: Report
    replay: Replay
    verification: VerificationResult

    @property
    def faults(self) -> list[str]:
        """What went wrong in nodes: a cassette that did not fit, or a bug."""
        return [f"{event.node}: {event.detail}" for event in self.report.events if event.kind == "node_failed"]

    @property
    def stale(self) -> list[str]:
        """The calls whose prompts have changed."""
        return [event.detail for event in self.report.events if event.kind == "cassette_stale"]


@dataclass(frozen=True)
class Stage:
    """The corpus of one set of documents, with what a run needs beside a model."""

    parts: Callable[[Gateway], Collaborators]
    settings: Settings
    embeddings: Embeddings
    corpora: Corpora
    corpus: str
    catalog: Catalog

    async def play(
        self, cassette: Cassette, kind: type[Replay] = Replay, *, own_judge: bool = False, **context: Any
    ) -> Played:
        """Run a cassette.

        Args:
            cassette: the cassette.
            kind: `Replay`, or a subclass with another judge.
            own_judge: whether judge and reviewer are two models, so that they are two calls.
            context: overrides of the cassette's context.
        """
        replay = kind(cassette)
        model = CassetteChatModel(replay=replay, recorded=recorded(FOLDER, cassette.name) if not own_judge else None)
        names = {cassette.model_id: model, cassette.model_id + JUDGE: model}
        gateway = Gateway(
            self.settings,
            ledger=Ledger(self.settings),
            embeddings=self.embeddings,
            models=dict(names),
            catalog=self.catalog,
        )
        judge = {"models": {"judge": cassette.model_id + JUDGE}} if own_judge else {}
        chosen = {"model": cassette.model_id, "corpus": self.corpus, **cassette.context, **judge, **context}
        try:
            graph = build_research_graph(self.parts(gateway), node_timeout=None)
            compiled = graph.compile(checkpointer=InMemorySaver(), store=InMemoryStore())
            config = {"configurable": {"thread_id": f"local/{uuid.uuid4().hex}"}, "run_id": uuid.uuid4()}
            ended = await compiled.ainvoke(
                _input(cassette),
                {**config, "recursion_limit": 100},  # type: ignore[arg-type]  # a plain dictionary is a config
                context=ResearchContext(**chosen),
                durability="exit",
            )
        finally:
            await gateway.aclose()
        report = Report.model_validate(ended["report"])
        verification = await verify_report(report, await self.corpora.get("local", self.corpus))
        return Played(cassette, report, replay, verification)


@asynccontextmanager
async def open_stage(home: Path, documents: tuple[str, ...], embeddings: Embeddings) -> AsyncIterator[Stage]:
    """Yield the stage of `documents`. They are ingested into `home` once; opening it again finds them there."""
    settings = Settings(home=home, telemetry={"jsonl": False}, models={"cassettes": FOLDER})
    name = "cassettes-" + hashlib.sha256("\n".join(documents).encode()).hexdigest()[:8]
    async with Corpora(settings, embeddings=embeddings) as corpora:
        corpus = await corpora.create("local", name)
        if not (await corpus.summary()).passages:
            with contextlib.chdir(ROOT):  # relative, because prompts show the path of a document
                report = await corpus.ingest([Path(path) for path in documents])
            assert not report.failed, report.failed
        bare = _Parts(corpora, build_guards(settings), settings)
        yield Stage(bare.with_gateway, settings, embeddings, corpora, name, load_catalog(prices={}))


class Stages:
    """The stages of a session, one for each set of documents, and the runs that were played on them.

    Use it as a context manager. A run is deterministic, so it is played once however often it is asked for.
    """

    def __init__(self, home: Path) -> None:
        self._home, self._stack = home, AsyncExitStack()
        self._embeddings = load_embeddings(Settings())
        self._stages: dict[tuple[str, ...], Stage] = {}
        self._played: dict[tuple[str, type[Replay], bool, bool], Played] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._stack.aclose()

    async def play(
        self, name: str, kind: type[Replay] = Replay, *, own_judge: bool = False, revised: bool = True
    ) -> Played:
        """Return the run of the cassette `name`; without `revised`, its first draft is published."""
        key = (name, kind, own_judge, revised)
        if key not in self._played:
            cassette = load_cassette(FOLDER, name)
            stage = await self.stage(cassette.documents)
            self._played[key] = await stage.play(
                cassette, kind, own_judge=own_judge, **({} if revised else {"max_revisions": 0})
            )
        return self._played[key]

    async def stage(self, documents: tuple[str, ...]) -> Stage:
        """Return the stage of `documents`."""
        if documents not in self._stages:
            opened = open_stage(self._home, documents, self._embeddings)
            self._stages[documents] = await self._stack.enter_async_context(opened)
        return self._stages[documents]


@dataclass(frozen=True)
class _Parts:
    corpora: Corpora
    guards: Any
    settings: Settings

    def with_gateway(self, gateway: Gateway) -> Collaborators:
        return Collaborators(
            gateway=gateway,
            corpora=self.corpora,
            guards=self.guards,
            passages_per_sub_question=self.settings.retrieval.passages_per_sub_question,
        )


def _input(cassette: Cassette) -> Mapping[str, Any]:
    if not cassette.turns:
        return {"question": cassette.question}
    said: list[AnyMessage] = []
    for turn in cassette.turns:
        said += [HumanMessage(turn.question), AIMessage(turn.answer)]
    return {"messages": [*said, HumanMessage(cassette.question)]}
