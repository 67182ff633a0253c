"""Finds the answer to a chat client: a run, or a text where none is needed."""

from __future__ import annotations

from typing import Protocol

from fastapi import Request

from experience.http.addresses import origin_of
from experience.http.openai.answers import NO_QUESTION, Answer, Published, Told
from experience.http.openai.conversation import Conversation, Message, conversation_of
from experience.http.openai.housekeeping import chore_of, done
from experience.service import ResearchRequest
from experience.service.desk import Desk
from policy.identity import Permission, Principal


class Asked(Protocol):
    """A request of a chat client."""

    @property
    def chat(self) -> list[Message]:
        """The messages."""
        ...

    @property
    def field(self) -> str:
        """The request's field that holds them."""
        ...

    def research(self, conversation: Conversation) -> ResearchRequest:
        """Return the request for the service."""
        ...


async def answer_of(asked: Asked, request: Request, caller: Principal, desk: Desk) -> Answer:
    """Return the answer to the last user message. Raises the errors of `Desk.start`, and `Unsupported`."""
    settings = desk.service.settings
    chore = chore_of(asked.chat, settings.server.housekeeping)
    if chore is not None:
        nothing = asked.research(Conversation([], "", shortened=False))
        await _permitted(desk, caller, nothing)
        return Told(done(chore, asked.chat, nothing.context.corpus))
    conversation = conversation_of(asked.chat, settings.policy.max_question_chars, asked.field)
    research = asked.research(conversation)
    if not conversation.question:
        await _permitted(desk, caller, research)
        return Told(NO_QUESTION)
    run = await desk.start(caller, research)
    # Empty if no page shows passages there.
    origin = origin_of(settings.server, request) if settings.server.page else ""
    return Published(run, desk.runs, origin, shortened=conversation.shortened)


async def _permitted(desk: Desk, caller: Principal, research: ResearchRequest) -> None:
    """Raise `Forbidden` where a question would."""
    async with desk.watched(caller, "ask", research.thread_id or ""):
        caller.require(Permission.ASK)
