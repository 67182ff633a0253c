"""Asks the managed sources of a corpus, and keeps what they return."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from langchain_core.retrievers import BaseRetriever

from observability import notice
from retrieval.managed.passages import taken
from state.access import Held, may_read, narrowed
from state.errors import BudgetExceeded, SixplaneError
from state.values import Passage

if TYPE_CHECKING:
    from retrieval.managed.kept import KeptPassages  # loads SQLAlchemy, which importing the graph does not need
    from settings.sources import SourceSettings

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Answered:
    """What the sources returned, best first of each, and the errors of those that failed, by their names."""

    passages: tuple[Passage, ...] = ()
    failed: Mapping[str, SixplaneError] = field(default_factory=dict)


class ManagedSources:
    """The declared sources of all corpora.

    Args:
        declared: the sources by name.
        retrievers: what asks each of them; LangChain's port, because `retrieval` knows no gateway.
        kept: where passages are stored.
    """

    def __init__(
        self, declared: Mapping[str, SourceSettings], retrievers: Mapping[str, BaseRetriever], kept: KeptPassages
    ) -> None:
        self._declared, self._retrievers, self._kept = declared, retrievers, kept

    def names(self, tenant: str, corpus: str, audiences: Iterable[str] | None = None) -> list[str]:
        """Return the names of the sources of a corpus that a member of `audiences` may read; `None`: an operator."""
        held = narrowed(audiences)
        return [name for name, each in self._declared.items() if _serves(each, tenant, corpus, held)]

    async def ask(
        self, tenant: str, corpus: str, question: str, *, thread: str, audiences: Iterable[str] | None = None
    ) -> Answered:
        """Ask every source that the caller may read, all at once, and keep their passages for the thread.

        A source that fails is named in the answer; the others count.

        Args:
            tenant: the tenant that owns the corpus.
            corpus: the corpus.
            question: the question.
            thread: who is shown the passages: what the checkpointer calls the thread.
            audiences: those of the caller; a source for others is not asked, and nothing tells of it.

        Raises:
            BudgetExceeded: a limit does not cover one of the calls.
            DependencyUnavailable: the passages cannot be kept, so that nobody could verify what cites them.
        """
        names = self.names(tenant, corpus, audiences)
        answers = await asyncio.gather(*(self._asked(name, question) for name in names))
        passages = {each.evidence_id: each for found, _ in answers for each in found}
        await self._kept.keep(tenant, corpus, thread, list(passages.values()))
        failed = {name: error for name, (_, error) in zip(names, answers, strict=True) if error is not None}
        return Answered(tuple(passages.values()), failed)

    async def found(self, name: str, question: str) -> list[Passage]:
        """Ask one source, and return its passages without keeping them.

        Raises:
            SourceUnavailable: it does not answer.
            CredentialsRefused: it does not accept the credentials.
            ModelOutputInvalid: its answer is malformed.
            BudgetExceeded: a limit does not cover the call.
        """
        passages, left_out = taken(name, self._declared[name], await self._retrievers[name].ainvoke(question))
        if left_out:
            notice("retrieve", "source_passages_left_out", f"{name}: {left_out} are too long, or no valid text")
        return passages

    async def _asked(self, name: str, question: str) -> tuple[list[Passage], SixplaneError | None]:
        try:
            return await self.found(name, question), None
        except BudgetExceeded:
            raise
        except SixplaneError as error:
            _log.warning("the source %s failed: %s: %s", name, error.code, error.message)
            return [], error


def _serves(declared: SourceSettings, tenant: str, corpus: str, held: Held) -> bool:
    return declared.serves(tenant, corpus) and may_read(declared.audience, held)
