"""Request and response bodies of the HTTP API, except those in OpenAI's format."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Path
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage
from pydantic import BaseModel, ConfigDict, Field, model_validator

from experience.http.sizes import MAX_MESSAGES, MAX_QUESTION
from experience.service import ResearchRequest
from experience.service.threads import RunRecord, ThreadRecord
from policy.limits import CONTROL_CHARACTERS
from state.channels import CORPUS_NAME as NAME
from state.channels import WHERE, ResearchContext
from state.report import Report
from state.values import NUMBER, PastRun, ReviewAnswer

WORD = (
    r"0-9A-Za-z\u00aa\u00b5\u00ba\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u034e\u0370-\u061b\u0620-\u115e\u1161-\u167f\u1681-\u17b3\u17b6-\u180a"
    r"\u1810-\u1fff\u2c00-\u2dff\u3005-\u3007\u3041-\u3163\u3165-\ud7ff\uf900-\ufdff\ufe70-\ufefc\uff10-\uff19\uff21-\uff3a"
    r"\uff41-\uff5a\uff66-\uff9f"
    # Above U+FFFF the characters themselves: the engines share no escape for them.
    "\U00010000-\U0001bc9f\U0001bca4-\U0001cfff\U0001e000-\U0001efff\U00020000-\U000323af"
)
"""The inside of a character class: the blocks of letters and digits, without spaces and invisible characters.

Ranges instead of `\\w`, because the engines that read the published pattern disagree on it: it is ASCII in ECMAScript,
takes `¾` in Python's `re`, and refuses `¾` in the validator's Rust engine.
"""

_PLAIN = f"[^{CONTROL_CHARACTERS}]*"
QUESTION = rf"^{_PLAIN}[{WORD}]{_PLAIN}$"
"""A question contains a letter or a digit, and no control characters."""

ThreadId = Annotated[str, Path(pattern=NAME, max_length=64, description="Name of the thread.")]
CorpusId = Annotated[str, Path(pattern=NAME, max_length=64, description="Name of the corpus.")]
RunId = Annotated[str, Path(pattern=r"^[0-9a-f-]{36}$", description="Id of the run, from its event `run_started`.")]
ThreadName = Annotated[str, Field(pattern=NAME, max_length=64)]
Question = Annotated[str, Field(min_length=1, max_length=MAX_QUESTION, pattern=QUESTION)]
HAS_USER: dict[str, Any] = {"contains": {"properties": {"role": {"const": "user"}}, "required": ["role"]}}
"""JSON schema of the rule that the validators enforce: without it, a request that fits the schema could be refused."""


class Body(BaseModel):
    """The base of requests: an unknown field is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class UserTurn(Body):
    """A message of the user."""

    role: Literal["user"]
    content: Question


class AssistantTurn(Body):
    """An earlier answer. Its length is not limited, because reports may be long."""

    role: Literal["assistant"]
    content: str


ChatMessage = Annotated[UserTurn | AssistantTurn, Field(discriminator="role")]


class QuestionRequest(Body):
    """A question. Without `thread_id` it starts a new thread."""

    question: Question
    thread_id: ThreadName | None = None
    context: ResearchContext = ResearchContext()

    def research(self) -> ResearchRequest:
        """Return the request for the service."""
        return ResearchRequest(question=self.question, thread_id=self.thread_id, context=self.context)


class ConversationRequest(Body):
    """A conversation. Its last user turn is the question."""

    messages: list[ChatMessage] = Field(min_length=1, max_length=MAX_MESSAGES, json_schema_extra=HAS_USER)
    thread_id: ThreadName | None = None
    context: ResearchContext = ResearchContext()

    @model_validator(mode="after")
    def _asks(self) -> ConversationRequest:
        if all(turn.role != "user" for turn in self.messages):
            raise ValueError("no turn has the role `user`")
        return self

    def research(self) -> ResearchRequest:
        """Return the request for the service: the turns up to the question."""
        last = max(n for n, turn in enumerate(self.messages) if turn.role == "user")
        turns: list[AnyMessage] = [
            HumanMessage(turn.content) if turn.role == "user" else AIMessage(turn.content)
            for turn in self.messages[: last + 1]
        ]
        return ResearchRequest(messages=turns, thread_id=self.thread_id, context=self.context)


class ResumeRequest(Body):
    """Give `answer` if the thread waits for a review, and leave it out if the run was stopped."""

    answer: ReviewAnswer | None = None


class Pending(BaseModel):
    """A run without a report: it waits for a review, was stopped and can be resumed, is active, or failed."""

    status: Literal["review_pending", "stopped", "running", "failed"]
    thread_id: str
    run_id: str
    review_id: str = Field("", description="Names the review that waits, for the answer.")
    question: str = ""
    draft: str = ""
    claims: tuple[dict[str, Any], ...] = ()
    findings: tuple[dict[str, Any], ...] = ()
    message: str = ""


class RunState(BaseModel):
    """The state of a run: the number of its latest event, and its report if it has one."""

    run_id: str
    thread_id: str
    status: str
    events: int
    report: Report | None = None


class ThreadState(BaseModel):
    """A thread with its latest report. `pending` holds the draft that waits for a review.

    `runs` lists all its runs, latest first; `GET /v1/runs/{run_id}` returns the report of each.
    """

    record: ThreadRecord
    report: Report | None
    next: tuple[str, ...]
    pending: dict[str, Any] | None
    history: tuple[PastRun, ...]
    runs: tuple[RunRecord, ...]


class SearchRequest(Body):
    """A search in a corpus."""

    query: Question
    k: Annotated[int, Field(ge=1, le=50), NUMBER] | None = Field(
        None, description="Passages to return; default: the setting `retrieval.hits`."
    )
    mode: Literal["hybrid", "dense", "keyword"] = "hybrid"
    where: dict[str, Any] = Field({}, json_schema_extra=WHERE, description="Metadata filter.")
