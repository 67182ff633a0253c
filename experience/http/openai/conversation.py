"""What a chat client sends, understood as a conversation: the question, and the turns before it.

A chat sends its whole history with every question. Nothing in an earlier turn may therefore be an error: it would be
one for ever. Only what the last turn asks for and cannot get is refused.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal, NamedTuple

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from experience.http.bodies import WORD
from experience.http.openai_problems import Unsupported
from nodes.guard_input import MAX_TURNS
from policy.limits import CONTROL_CHARACTERS

_UNREADABLE = re.compile(f"[{CONTROL_CHARACTERS}]")
"""What a question must not have."""

_SURROGATE = re.compile("[\ud800-\udfff]")
"""Half of a character, as clients leave it that cut a text between its halves."""

_TEXT_TYPES = ("text", "input_text", "output_text", "refusal")
_CUT = "\n…\n"


def readable(text: Any) -> Any:
    """Return a text without characters that no question may have; anything else unchanged."""
    return _UNREADABLE.sub(" ", _SURROGATE.sub("\ufffd", text)) if isinstance(text, str) else text


Text = Annotated[str, BeforeValidator(readable)]


class Part(BaseModel):
    """A part of a message. Only text is read: the last user message must have nothing else."""

    model_config = ConfigDict(extra="ignore")

    type: str = Field(max_length=64)
    text: Text | None = None
    refusal: Text | None = None


class Message(BaseModel):
    """A message of a chat. Those that are neither the user's nor an answer are accepted and not followed."""

    model_config = ConfigDict(extra="ignore")

    role: Literal["user", "assistant", "system", "developer", "tool", "function"]
    content: Text | list[Part] | None = None


class Conversation(NamedTuple):
    """A conversation: the turns before the question, latest last, and the question.

    `question` is empty if the last user message has no word; `shortened` says that it was too long.
    """

    earlier: list[AnyMessage]
    question: str
    shortened: bool

    @property
    def turns(self) -> list[AnyMessage]:
        """The conversation as the service takes it."""
        return [*self.earlier, HumanMessage(self.question)]


def conversation_of(messages: Sequence[Message], most: int, field: str = "messages") -> Conversation:
    """Return the conversation that `messages` are, whose last user message is the question.

    Args:
        messages: the messages, with at least one of the user.
        most: the characters that a question may have; of a longer one, its beginning and its end are kept.
        field: the name of the request's field, for errors.

    Raises:
        Unsupported: the question has a part that is no text.
    """
    last = max(n for n, message in enumerate(messages) if message.role == "user")
    _check_parts(messages[last], f"{field}[{last}]")
    question = text_of(messages[last]).strip()
    # The graph reads no more than the last `MAX_TURNS` questions with their answers.
    earlier = [turn for message in messages[:last] if (turn := _turn(message))][-2 * MAX_TURNS :]
    if not has_words(question):
        return Conversation(earlier, "", shortened=False)
    return Conversation(earlier, shortened(question, most), len(question) > most)


def text_of(message: Message) -> str:
    """Return the text of a message, without its other parts."""
    if not isinstance(message.content, list):
        return message.content or ""
    return "\n".join(filter(None, (part.text or part.refusal for part in message.content)))


def has_words(text: str) -> bool:
    """Return whether a text has a letter or a digit, without which it asks nothing."""
    return re.search(f"[{WORD}]", text) is not None


def shortened(question: str, most: int) -> str:
    """Return a question of at most `most` characters: the beginning and the end, where people put what they ask.

    >>> shortened("What is this? xxxxxxxxxxxxxxx Tell me.", 20)
    'What is \\n…\\nTell me.'
    """
    if len(question) <= most:
        return question
    half = (most - len(_CUT)) // 2
    return f"{question[:half]}{_CUT}{question[-half:]}"


def _turn(message: Message) -> AnyMessage | None:
    text = text_of(message).strip()
    if message.role not in ("user", "assistant") or not has_words(text):
        return None
    return HumanMessage(text) if message.role == "user" else AIMessage(text)


def _check_parts(message: Message, place: str) -> None:
    for number, part in enumerate(message.content if isinstance(message.content, list) else ()):
        if part.type not in _TEXT_TYPES:
            raise Unsupported(
                f"{place}.content[{number}].type",
                f"a part of the type `{part.type}` is not supported",
                hint="send text; a document is ingested with `POST /v1/corpora/{corpus}/documents`",
            )
