"""The client of Sixplane's HTTP API: typed requests, answers, events and errors, for plain and for `async` code."""

from __future__ import annotations

from sixplane_client.client import AsyncSixplane, Sixplane
from sixplane_client.errors import ApiError, NotFinished, SixplaneError
from sixplane_client.models import (
    AssistantTurn,
    BatchRequest,
    ChatRequest,
    ChatResponse,
    ConversationRequest,
    IngestEvent,
    Parameters,
    Pending,
    Problem,
    QuestionRequest,
    Report,
    ResearchContext,
    ResumeRequest,
    ReviewAnswer,
    RunEvent,
    SearchRequest,
    SystemTurn,
    UserTurn,
)
from sixplane_client.uploads import Upload

__all__ = [
    "ApiError",
    "AssistantTurn",
    "AsyncSixplane",
    "BatchRequest",
    "ChatRequest",
    "ChatResponse",
    "ConversationRequest",
    "IngestEvent",
    "NotFinished",
    "Parameters",
    "Pending",
    "Problem",
    "QuestionRequest",
    "Report",
    "ResearchContext",
    "ResumeRequest",
    "ReviewAnswer",
    "RunEvent",
    "SearchRequest",
    "Sixplane",
    "SixplaneError",
    "SystemTurn",
    "Upload",
    "UserTurn",
]
