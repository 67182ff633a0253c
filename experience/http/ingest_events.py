"""Server-sent events of an ingestion: progress, files that failed, and the report or the error that ends it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter
from sse_starlette import ServerSentEvent

from experience.http.problems import Problem, problem_of
from experience.ingest_progress import event_of
from retrieval import IngestProgress, IngestReport
from retrieval.documents import FailedFile
from state.values import Value


class IngestProgressed(IngestProgress):
    """How far the ingestion is; at most one in a second."""

    type: Literal["progress"] = "progress"
    failure: None = Field(None, exclude=True)


class IngestFileFailed(FailedFile):
    """A file that could not be read and was skipped. It comes at once."""

    type: Literal["failed"] = "failed"


class IngestReported(Value):
    """The end: what was ingested."""

    type: Literal["report"] = "report"
    report: IngestReport


class IngestBroken(Value):
    """The end: the error that ended the ingestion. What it had stored is kept."""

    type: Literal["error"] = "error"
    problem: Problem


IngestEvent = Annotated[
    IngestProgressed | IngestFileFailed | IngestReported | IngestBroken, Field(discriminator="type")
]
INGEST_EVENT: TypeAdapter[IngestEvent] = TypeAdapter(IngestEvent)


def sent_event(item: IngestProgress | IngestReport, files: int) -> ServerSentEvent:
    """Return what an ingestion of `files` files tells as an event."""
    if isinstance(item, IngestReport):
        return _sent(IngestReported(report=item))
    counted = item.model_copy(update={"files": min(item.documents, files), "all_files": files})
    return _sent(INGEST_EVENT.validate_python(event_of(counted)))


def sent_error(error: BaseException) -> ServerSentEvent:
    """Return the event of an error that ended an ingestion."""
    return _sent(IngestBroken(problem=problem_of(error)))


def _sent(event: IngestEvent) -> ServerSentEvent:
    return ServerSentEvent(data=event.model_dump_json())
