"""The scripted model: a chat model for tests that answers from a list or a function and logs every call.

The log has two JSON lines per call, `asked` before it and `answered` after it. Each is fsynced, so that a test can
prove after SIGKILL which calls were made: `asked` without `answered` is a call in flight at the crash.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.messages import BaseMessage, messages_to_dict
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatResult
from pydantic import BaseModel, Field, PrivateAttr

from gateway.local_chat import LocalChatModel, chat_result, cut_at, usage_of

Content = str | BaseModel | dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """One scripted answer.

    Args:
        content: the text, or a value that is sent as JSON.
        delay: seconds to wait before answering.
        raises: an exception to raise instead of answering.
        malformed: whether to break the JSON of `content`.
        truncated: whether to send half of `content` with `finish_reason` `length`.
        usage: (input tokens, output tokens); estimated if `None`.
        reports_usage: whether the answer carries usage figures.
    """

    content: Content = ""
    delay: float = 0.0
    raises: BaseException | None = None
    malformed: bool = False
    truncated: bool = False
    usage: tuple[int, int] | None = None
    reports_usage: bool = True

    @property
    def text(self) -> str:
        """The text that is sent."""
        text = _as_text(self.content)
        if self.malformed:
            return f"Certainly! {text[1:]}"
        return text[: len(text) // 2] if self.truncated else text


Script = Sequence[Answer | Content] | Callable[[list[BaseMessage], str], Answer | Content]


class ScriptExhaustedError(AssertionError):
    """The script has fewer answers than calls were made."""


@dataclass(frozen=True)
class Call:
    """One line of the log: `event` is `asked` or `answered`, `role_schema` is empty for plain chat."""

    event: str
    ordinal: int
    role_schema: str
    sha256: str
    time: float = field(default_factory=time.time)
    pid: int = field(default_factory=os.getpid)


class ScriptedChatModel(LocalChatModel):
    """Answers from `script`: a sequence, in order, or a function of the messages and the schema's name.

    Example:
        >>> model = ScriptedChatModel(script=["first", Answer("second", usage=(10, 2))])
        >>> model.invoke("anything").text, model.invoke("anything").usage_metadata["input_tokens"]
        ('first', 10)
    """

    script: Any = Field(exclude=True)
    log: Path | None = None
    model_name: str = "scripted"

    _calls: int = PrivateAttr(default=0)
    _lock: threading.Lock = PrivateAttr(default_factory=threading.Lock)

    @property
    def _llm_type(self) -> str:
        return "scripted"

    @property
    def calls(self) -> int:
        """The number of calls made to this instance."""
        return self._calls

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle what it was made of: a lock cannot be sent to another process, which counts its own calls."""
        return _again, (type(self), {"script": self.script, "log": self.log, "model_name": self.model_name})

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        *,
        role_schema: str = "",
        **kwargs: Any,
    ) -> ChatResult:
        del run_manager, kwargs
        asked = self._asked(messages, role_schema)
        scripted = self._answer(messages, role_schema, asked.ordinal)
        time.sleep(scripted.delay)
        return self._answered(asked, scripted, messages, stop)

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        *,
        role_schema: str = "",
        **kwargs: Any,
    ) -> ChatResult:
        del run_manager, kwargs
        asked = self._asked(messages, role_schema)
        scripted = self._answer(messages, role_schema, asked.ordinal)
        await asyncio.sleep(scripted.delay)
        return self._answered(asked, scripted, messages, stop)

    def _asked(self, messages: list[BaseMessage], role_schema: str) -> Call:
        with self._lock:
            ordinal, self._calls = self._calls, self._calls + 1
        call = Call("asked", ordinal, role_schema, digest(messages) if self.log else "")
        self._write(call)
        return call

    def _answer(self, messages: list[BaseMessage], role_schema: str, ordinal: int) -> Answer:
        if callable(self.script):
            given = self.script(messages, role_schema)
        elif ordinal < len(self.script):
            given = self.script[ordinal]
        else:
            raise ScriptExhaustedError(f"call {ordinal + 1}, but the script has only {len(self.script)} answers")
        return given if isinstance(given, Answer) else Answer(given)

    def _answered(
        self, asked: Call, scripted: Answer, messages: list[BaseMessage], stop: list[str] | None
    ) -> ChatResult:
        if scripted.raises is not None:
            raise scripted.raises
        content = cut_at(scripted.text, stop)
        self._write(Call("answered", asked.ordinal, asked.role_schema, asked.sha256))
        reason = "length" if scripted.truncated else "stop"
        return chat_result(content, _usage(scripted, messages), model_name=self.model_name, finish_reason=reason)

    def _write(self, call: Call) -> None:
        if self.log is None:
            return
        line = f"{json.dumps(call.__dict__)}\n".encode()
        descriptor = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(descriptor, line)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _again(model: type[ScriptedChatModel], given: dict[str, Any]) -> ScriptedChatModel:
    return model(**given)


def digest(messages: Sequence[BaseMessage]) -> str:
    """Return the SHA-256 of the types and contents of `messages`."""
    said = [(each["type"], each["data"]["content"]) for each in messages_to_dict(messages)]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def read_calls(log: Path) -> list[Call]:
    """Return the lines of a call log, in order."""
    return [Call(**json.loads(line)) for line in log.read_text("utf-8").splitlines()] if log.exists() else []


def _as_text(content: Content) -> str:
    if isinstance(content, BaseModel):
        return content.model_dump_json()
    return content if isinstance(content, str) else json.dumps(content)


def _usage(scripted: Answer, messages: Sequence[BaseMessage]) -> UsageMetadata | None:
    if not scripted.reports_usage:
        return None
    if scripted.usage is None:
        return usage_of(messages, scripted.text)
    asked, answered = scripted.usage
    return UsageMetadata(input_tokens=asked, output_tokens=answered, total_tokens=asked + answered)
