"""Turns the events of one stream into LangChain's message chunks."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from typing import Any

from aiohttp import ClientError
from langchain_core.messages import AIMessageChunk
from langchain_core.messages.tool import ToolCallChunk, tool_call_chunk
from langchain_core.outputs import ChatGenerationChunk

from gateway.oci.answers import Choice, WireToolCall, malformed, read
from gateway.oci.wire import finish_reason, metadata, usage_of
from gateway.provider_error import ProviderError, answered_failure
from settings.connections.oci_inference import REQUEST_ID, MalformedFrame

USAGE_SECONDS = 2.0
"""How long a stream may stay open after its answer has ended: usage follows at once, if it does. A chosen value."""


class StreamReader:
    """Reads one stream.

    Args:
        model_id: for the metadata of the answer.
        request_id: as it was sent, for the metadata of the answer.
        tools_bound: whether the request offered tools; if not, tool calls are ignored.
    """

    def __init__(self, model_id: str, request_id: str, *, tools_bound: bool) -> None:
        self._model_id, self._request_id = model_id, request_id
        self._calls = _Calls() if tools_bound else None
        self._said = ""
        self._argument_chars = 0
        self._ended = False

    async def chunks(self, events: AsyncIterator[Any]) -> AsyncGenerator[ChatGenerationChunk]:
        """Yield the chunks of the stream.

        Some servers keep a stream open after the answer has ended. The answer is complete then, so nothing more than
        its usage is waited for, and not for long; a connection that breaks then loses nothing.

        Raises:
            ProviderError: an event is malformed, or the stream ended with an error, or without its end.
        """
        until: float | None = None
        clock = asyncio.get_running_loop().time
        while True:
            try:
                async with asyncio.timeout_at(until):
                    event = await anext(events)
            except StopAsyncIteration:
                break
            except (TimeoutError, ClientError, MalformedFrame):
                if until is None:
                    raise
                break
            for chunk in self._read(event):
                yield chunk
            if self._ended and until is None:
                until = clock() + USAGE_SECONDS
        if not self._ended:
            finish_reason(None)  # raises: the text is incomplete

    def _read(self, event: Any) -> Iterator[ChatGenerationChunk]:
        if not isinstance(event, Mapping):
            raise malformed(f"an event of its stream is a {type(event).__name__}")
        _check_no_error(event)
        piece = read(Choice, event)
        if piece.finish_reason is None or self._ended:
            yield from self._content(piece, piece.said)
            return
        reason = finish_reason(piece.finish_reason, piece.error_message)
        self._ended = True
        yield from self._content(piece, self._rest(piece), with_usage=False)
        chars = len(self._said) + self._argument_chars
        found = metadata(self._model_id, {REQUEST_ID: self._request_id}, reason, chars)
        message = AIMessageChunk(
            content="", response_metadata=found, usage_metadata=usage_of(piece.usage), chunk_position="last"
        )
        yield ChatGenerationChunk(message=message, generation_info={"finish_reason": reason})

    def _rest(self, last: Choice) -> str:
        """Return what the last event adds to the text. COHERE repeats the whole text in it."""
        if last.api_format != "COHERE":
            return last.said
        return last.said[len(self._said) :] if last.said.startswith(self._said) else ""

    def _content(self, piece: Choice, text: str, *, with_usage: bool = True) -> Iterator[ChatGenerationChunk]:
        calls = self._calls.chunks(piece) if self._calls else []
        usage = usage_of(piece.usage) if with_usage else None
        if not (text or calls or usage or piece.reasoning):
            return
        self._said += text
        self._argument_chars += sum(len(str(call["args"] or "")) for call in calls)
        extra = {"reasoning_content": piece.reasoning} if piece.reasoning else {}
        message = AIMessageChunk(content=text, tool_call_chunks=calls, usage_metadata=usage, additional_kwargs=extra)
        yield ChatGenerationChunk(message=message)


class _Calls:
    """Puts the fragments of one stream's tool calls together.

    A fragment with a new id opens a call. One without an id belongs to the call that was opened last at its position,
    unless it brings a name where there is one already: Gemini sends whole calls without ids. COHERE's calls are whole.
    """

    def __init__(self) -> None:
        self._indexes: dict[str, int] = {}
        self._at: dict[int, int] = {}
        self._named: set[int] = set()

    def chunks(self, piece: Choice) -> list[ToolCallChunk]:
        """Return the chunks of one event. COHERE's last event repeats earlier calls, or is the only one with them."""
        whole = piece.api_format == "COHERE"
        if whole and piece.finish_reason is not None and self._indexes:
            return []
        return [self._chunk(position, call, whole=whole) for position, call in enumerate(piece.calls)]

    def _chunk(self, position: int, call: WireToolCall, *, whole: bool) -> ToolCallChunk:
        given = call.function or call  # COHEREV2 nests name and arguments
        arguments = call.parameters if given.arguments is None else given.arguments
        text = arguments if isinstance(arguments, str | None) else json.dumps(arguments, ensure_ascii=False)
        index = None if whole else self._index(position, call.id, given.name)
        new = index is None
        if index is None:
            index = len(self._indexes)
        identifier = (call.id or uuid.uuid4().hex) if new else None
        if identifier is not None:
            self._indexes[identifier] = index
        self._at[position] = index
        if given.name:
            self._named.add(index)
        return tool_call_chunk(name=given.name or None, args=text or None, id=identifier, index=index)

    def _index(self, position: int, identifier: str | None, name: str | None) -> int | None:
        """Return the call that a fragment belongs to, `None` if it opens one."""
        if identifier:
            return self._indexes.get(identifier)
        found = self._at.get(position)
        return None if name and found in self._named else found


def _check_no_error(event: Mapping[str, Any]) -> None:
    """Raise `ProviderError` for an event that has the shape of an error body: the service failed after it began."""
    nested = event.get("error")
    told = nested if isinstance(nested, Mapping) else event
    if "code" in told and isinstance(told.get("message"), str):
        code, message = str(told["code"]), told["message"]
        failure = answered_failure("its stream ended with an error", code, message, transient=True)
        raise ProviderError(failure, {"code": code, "message": message})
