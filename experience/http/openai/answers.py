"""What a chat client is told, piece by piece: the published report with its sources, or a text without a run."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple, Protocol

from experience.markers import cited_claims
from experience.render import passage_address, render_after_answer
from experience.render.sources import Source
from experience.service.events import TextDelta
from experience.service.runs import Run, Runs
from state.report import ReportEvidence

SHORTENED = "*Your message was too long: its beginning and its end were read, its middle was left out.*"
NO_QUESTION = "Your last message has no words, so there is nothing to look up. Ask a question about the documents."


class Tokens(NamedTuple):
    """The tokens that an answer has used."""

    read: int = 0
    written: int = 0


class Answer(Protocol):
    """An answer to a chat client."""

    @property
    def id(self) -> str:
        """The id of the run, or one of its own."""
        ...

    @property
    def tokens(self) -> Tokens:
        """The tokens that the answer has used, none before its end."""
        ...

    @property
    def error(self) -> BaseException | None:
        """Why there is no answer."""
        ...

    @property
    def beside(self) -> dict[str, Any]:
        """What the key `sixplane` holds, which OpenAI's clients keep and do not read."""
        ...

    def pieces(self) -> AsyncIterator[str]:
        """Yield the text, as it is published."""
        ...

    def citations(self, text: str) -> list[Citation]:
        """Return the citations in `text`, which is the whole text or its beginning."""
        ...

    def watching(self) -> AbstractContextManager[None]:
        """Return a context that says that a client waits for the answer."""
        ...


class Citation(NamedTuple):
    """A citation in the text, and the address of the passage that it names."""

    start: int
    end: int
    title: str
    address: str

    def fields(self) -> dict[str, Any]:
        """Return the fields of OpenAI's `url_citation`."""
        return {"start_index": self.start, "end_index": self.end, "title": self.title, "url": self.address}


class Told:
    """An answer that needs no run: it costs nothing and is kept nowhere."""

    def __init__(self, text: str) -> None:
        self.id, self.tokens = str(uuid.uuid4()), Tokens()
        self.error: BaseException | None = None
        self.beside: dict[str, Any] = {"thread_id": None, "run_id": None, "report": None}
        self._text = text

    async def pieces(self) -> AsyncIterator[str]:
        """Yield the text."""
        yield self._text

    def citations(self, text: str) -> list[Citation]:  # noqa: ARG002 - as in `Answer`
        """Return none."""
        return []

    def watching(self) -> AbstractContextManager[None]:
        """Return a context without effect."""
        return nullcontext()


class Published:
    """The answer of a run.

    Args:
        run: the run.
        runs: the runs that it belongs to.
        origin: the address of this server for whoever reads the answer.
        shortened: whether the question was cut.
    """

    def __init__(self, run: Run, runs: Runs, origin: str, *, shortened: bool) -> None:
        self._run, self._runs, self._origin, self._shortened = run, runs, origin, shortened
        self.id = run.id

    @property
    def tokens(self) -> Tokens:
        """The tokens of the run, none before its end."""
        report = self._run.report
        return Tokens(report.usage.input_tokens, report.usage.output_tokens) if report else Tokens()

    @property
    def error(self) -> BaseException | None:
        """The error of a failed run."""
        return self._run.error

    @property
    def beside(self) -> dict[str, Any]:
        """What the key `sixplane` holds, which OpenAI clients keep and do not read."""
        report = self._run.report.model_dump(mode="json") if self._run.report else None
        return {"thread_id": self._run.thread_id, "run_id": self._run.id, "report": report}

    async def pieces(self) -> AsyncIterator[str]:
        """Yield the report's text as it is published, then its sources; nothing more if the run failed."""
        # The tokens of the writer are never sent: the text events hold the published report, after its verification.
        async for event in self._run.watch():
            if isinstance(event, TextDelta):
                yield event.text
        if self._run.error is not None:
            return
        yield render_after_answer(self._run.report, self._address) if self._run.report else self._unfinished()
        if self._shortened:
            yield f"\n\n{SHORTENED}"

    def citations(self, text: str) -> list[Citation]:
        """Return the citations in `text` whose passages have an address."""
        report = self._run.report
        if report is None:
            return []
        cited = {item.number: item for item in report.evidence if self._address(item)}
        marks = sorted({mark for claim in cited_claims(report) for mark in claim.marks})
        return [
            Citation(start, end, Source((cited[number],)).title, self._address(cited[number]))
            for start, end, number in marks
            if number in cited and end <= len(text)
        ]

    def watching(self) -> AbstractContextManager[None]:
        """Return a context that keeps the run going."""
        return self._runs.watchers.watching(self._run)

    def _unfinished(self) -> str:
        if self._run.review:
            return f"The draft on the thread {self._run.thread_id} waits for a review."
        return f"The run was stopped. Its thread {self._run.thread_id} can be resumed."

    def _address(self, item: ReportEvidence) -> str:
        report = self._run.report
        if not self._origin or report is None or report.corpus is None:
            return ""
        return f"{self._origin}{passage_address(report.corpus.name, item.id, report.run_id)}"
