"""The settings that tell the chores of chat front ends from questions."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"{text[:80]!r} is no regular expression: {error}") from error
    return text


Patterns = tuple[Annotated[str, AfterValidator(_pattern)], ...]


class HousekeepingSettings(BaseModel):
    """Chat calls by which front ends name a chat, tag it, or ask what might follow: they are no questions.

    Each setting holds regular expressions, matched with the beginning of the last user message and of a system message,
    without regard to case. A front end's own prompts stand in its settings, so they can differ from these; an empty
    list switches a chore off.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: Patterns = (
        r"#+ *task:\s*generate a [^\n]{0,40}title",  # Open WebUI
        r"(please )?(provide|generate) a concise, \S+ title for the conversation",  # LibreChat
        r"analyze this conversation and provide:\s*1\. the detected language",  # LibreChat
        r"you are a professional conversation summarizer\. generate a concise title",  # LobeChat
        r"(you are an assistant [^\n]{0,40} )?you need to summarize the user's conversation into a title",
        r"please generate a four to five word title summarizing our conversation",  # NextChat
        r"based on the chat history, give this conversation a name",  # Chatbox
        r"given the following[^\n]{0,40} please reply with a title for the chat",  # Continue
        r"you are a chat thread titling assistant",  # chat-ui
    )
    tags: Patterns = (r"#+ *task:\s*generate \d+-\d+ broad tags",)
    follow_ups: Patterns = (r"#+ *task:\s*suggest \d+-\d+ (relevant )?follow-up",)
    queries: Patterns = (r"#+ *task:\s*analyze the [^\n]{0,40}necessity of generating search queries",)
    text: Patterns = (r"#+ *task:\s*you are an autocompletion system",)
    prompt: Patterns = (r"#+ *task:\s*generate a detailed prompt for \w+ image generation",)
    emoji: Patterns = (r"your task is to reflect the speaker's likely facial expression",)
