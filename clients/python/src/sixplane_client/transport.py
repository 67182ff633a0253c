"""Sends the calls of the methods: authentication, answers, streams of events, errors."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Self, TypeVar
from urllib.parse import quote

import anyio
import httpx
from httpx_sse import EventSource
from pydantic import BaseModel, TypeAdapter

from sixplane_client.errors import ApiError, NotFinished, error_of
from sixplane_client.models import Pending
from sixplane_client.streams import Stream
from sixplane_client.uploads import Upload, parts

T = TypeVar("T")

TIMEOUT = httpx.Timeout(600, connect=10)
"""Seconds; an answer takes as long as its run."""


@dataclass(frozen=True)
class Call:
    """A request of a method, and the statuses with which it is answered.

    Attributes:
        pending: the status of a run without a report.
    """

    method: str
    path: str
    query: Mapping[str, Any] = field(default_factory=dict)
    body: BaseModel | None = None
    files: Sequence[Upload] = ()
    form: Mapping[str, Any] = field(default_factory=dict)
    answered: tuple[int, ...] = (200,)
    pending: int | None = None

    def request(self, client: httpx.Client | httpx.AsyncClient, stack: ExitStack, last: str = "") -> httpx.Request:
        """Return the request; `last` is the id of the last event of a stream that is taken up again."""
        return client.build_request(
            self.method,
            self.path,
            params=_given(self.query) or None,
            json=self.body.model_dump(mode="json", by_alias=True, exclude_none=True) if self.body else None,
            files=parts(self.files, stack) or None,
            data=_given(self.form) or None,
            headers={"last-event-id": last} if last else None,
        )

    def check(self, response: httpx.Response) -> None:
        """Raise the error of a response that is no answer."""
        if response.status_code == self.pending:
            raise NotFinished(Pending.model_validate_json(response.content))
        if response.status_code not in self.answered:
            raise error_of(response)


def quoted(name: str) -> str:
    """Return a name as one part of a path."""
    return quote(name, safe="")


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _options(base_url: str, api_key: str | None, given: Mapping[str, Any]) -> dict[str, Any]:
    headers = httpx.Headers({"authorization": f"Bearer {api_key}"} if api_key else {})
    headers.update(given.get("headers"))  # added to the key's header, which they do not replace by being there
    return {"timeout": TIMEOUT, **given, "base_url": base_url, "headers": headers}


class Transport:
    """Connects to a server.

    Args:
        base_url: the server's address, for example `http://127.0.0.1:8080`.
        api_key: a key of `sixplane keys create`, or a token; none for a server without authentication.
        sleep: waits some seconds, before a stream that was lost is taken up.
        options: those of `httpx.Client`, for example `timeout`, `proxy` or `verify`.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str | None = None,
        *,
        sleep: Callable[[float], object] = time.sleep,
        **options: Any,
    ) -> None:
        self._sleep = sleep
        self._client = httpx.Client(**_options(base_url, api_key, options))

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _content(self, call: Call) -> bytes:
        with ExitStack() as stack:
            response = self._client.send(call.request(self._client, stack))
        call.check(response)
        return response.content

    def _value(self, call: Call, kind: type[T]) -> T:
        return TypeAdapter(kind).validate_json(self._content(call))

    def _events(self, call: Call, kind: TypeAdapter[T]) -> Iterator[T]:
        stream = Stream(kind)
        while True:
            try:
                yield from self._sent(call, stream)
            except (httpx.TransportError, ApiError) as lost:
                self._sleep(stream.pause(lost))
            else:
                return

    def _sent(self, call: Call, stream: Stream[T]) -> Iterator[T]:
        with ExitStack() as stack:
            request = call.request(self._client, stack, stream.last)
            response = self._client.send(request, stream=True)
            stack.callback(response.close)
            if response.status_code not in call.answered:
                response.read()
            call.check(response)
            for sent in EventSource(response).iter_sse():
                event = stream.event(sent)
                if event is not None:
                    yield event


class AsyncTransport:
    """Connects to a server.

    Args:
        base_url: the server's address, for example `http://127.0.0.1:8080`.
        api_key: a key of `sixplane keys create`, or a token; none for a server without authentication.
        sleep: waits some seconds, before a stream that was lost is taken up.
        options: those of `httpx.AsyncClient`, for example `timeout`, `proxy` or `verify`.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str | None = None,
        *,
        sleep: Callable[[float], Awaitable[object]] = anyio.sleep,
        **options: Any,
    ) -> None:
        self._sleep = sleep
        self._client = httpx.AsyncClient(**_options(base_url, api_key, options))

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def _content(self, call: Call) -> bytes:
        with ExitStack() as stack:
            response = await self._client.send(call.request(self._client, stack))
        call.check(response)
        return response.content

    async def _value(self, call: Call, kind: type[T]) -> T:
        return TypeAdapter(kind).validate_json(await self._content(call))

    async def _events(self, call: Call, kind: TypeAdapter[T]) -> AsyncIterator[T]:
        stream = Stream(kind)
        while True:
            try:
                async for event in self._sent(call, stream):
                    yield event
            except (httpx.TransportError, ApiError) as lost:
                await self._sleep(stream.pause(lost))
            else:
                return

    async def _sent(self, call: Call, stream: Stream[T]) -> AsyncIterator[T]:
        with ExitStack() as stack:
            request = call.request(self._client, stack, stream.last)
            response = await self._client.send(request, stream=True)
            try:
                if response.status_code not in call.answered:
                    await response.aread()
                call.check(response)
                async for sent in EventSource(response).aiter_sse():
                    event = stream.event(sent)
                    if event is not None:
                        yield event
            finally:
                await response.aclose()
