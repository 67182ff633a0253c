"""What the tools take and return, and the types of their arguments."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from state.report import CorpusRef, Report

MAX_WAIT_SECONDS = 55
"""Longest wait of `research_result`. A chosen value below 60 seconds, the timeout of many clients."""

MAX_THREADS = 100
"""Most threads in one answer of `list_threads`. A chosen value: an agent reads all of them into its context."""

OPTIONS = (
    "Options of the run: `model` or `models` (a model id for each role), `length`, `form`, "
    "`k` (passages for each sub-question), `where` (a filter on metadata), `max_sub_questions`, `max_research_rounds`, "
    "`max_revisions`, `max_output_tokens`, `temperature`, `budget_micro_usd`, and `human_review` (wait for a decision "
    "before the report is published)."
)

Wait = Annotated[float, Field(ge=0, le=MAX_WAIT_SECONDS, description="Seconds to wait for the run to end.")]
RunId = Annotated[str, Field(max_length=64, description="The `run_id` that `research_start` returned.")]
ReviewId = Annotated[
    str, Field(max_length=64, description="`review_id` of the `pending` draft that is answered; empty: what waits now.")
]
K = Annotated[
    Annotated[int, Field(ge=1, le=50)] | None,
    Field(description="Passages to return; default: the setting `retrieval.hits`."),
]
Words = Annotated[str, Field(max_length=200, description="Only threads whose questions contain these words.")]
Cursor = Annotated[str, Field(max_length=105, description="`next` of the page before.")]
Corpus = Annotated[str, Field(max_length=64, description="Name of the corpus; `list_corpora` lists them.")]
ThreadId = Annotated[str, Field(max_length=64, description="Name of the thread; `list_threads` lists them.")]
NewThread = Annotated[
    str | None, Field(description="The thread to ask a further question on; without it, a new thread is made.")
]
Options = Annotated[dict[str, Any] | None, Field(description=OPTIONS)]
Where = Annotated[
    dict[str, Any] | None, Field(description='A filter on metadata, for example `{"$source": "guide.md"}`.')
]
Question = Annotated[str, Field(description="The question, in plain words.")]
Document = Annotated[
    str,
    Field(
        min_length=1,
        max_length=1000,
        description="Id of the document, as `document_id` of a passage names it, or the name of a folder.",
    ),
]
Most = Annotated[int, Field(ge=1, le=MAX_THREADS, description="Threads to return, the latest first.")]


class RunStatus(BaseModel):
    """The state of a run. `nodes` lists the nodes that have finished."""

    run_id: str
    thread_id: str
    status: str = Field(
        description="`running`, `review_pending`, `stopped`, `failed`, or the status of the report: `answered`, "
        "`partial`, `abstained`, `refused`."
    )
    nodes: list[str]
    message: str = Field("", description="Why the run ended, or what it waits for.")
    pending: dict[str, Any] | None = Field(None, description="The draft and its claims, if the run waits for a review.")


class RunResult(RunStatus):
    """The state of a run, with its report if it has one."""

    report: Report | None = None


class GivenDocument(BaseModel):
    """A document given as text."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=200)
    text: str = Field(min_length=1)
    audience: list[str] | None = Field(
        None,
        description="Only these audiences may see it; `*`: the whole tenant. Without it, a document that was "
        "ingested before keeps its audience.",
    )


class CorpusList(BaseModel):
    """The corpora that the caller may ask, with the numbers of documents and passages that it may read."""

    corpora: list[CorpusRef]


class ThreadLine(BaseModel):
    """A thread and its latest run."""

    thread_id: str
    run_id: str
    status: str
    title: str
    created: str
    updated: str


class ThreadList(BaseModel):
    """The caller's threads, the latest first. An administrator sees all threads of the tenant.

    `next` is the `cursor` of the next page; `null` on the last one.
    """

    threads: list[ThreadLine]
    next: str | None = None


class Deleted(BaseModel):
    """What was deleted for good."""

    deleted: str
