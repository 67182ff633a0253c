"""The SDK's asynchronous inference client, with the corrections below. Import it lazily: the SDK is slow to load.

`ChatOCIGenAI` (langchain-oci 0.4.0) builds this client itself and offers no access to it. That client retries up to
eight times over ten minutes without reading `Retry-After`, uses the process-wide circuit breaker, ignores proxies and
`REQUESTS_CA_BUNDLE`, is bound to one event loop, and drops malformed frames of a stream. This module controls each.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import aiohttp
from oci.async_base_client import AsyncBaseClient
from oci.exceptions import ServiceError
from oci.generative_ai_inference import AsyncGenerativeAiInferenceClient
from oci.retry import NoneRetryStrategy

from settings.connections.oci_session import OCISession, breaker
from settings.connections.session_token import SessionTokenSigner
from settings.tree import standard_ca_bundle

REQUEST_ID = "opc-request-id"


LONGEST_FRAME_BYTES = 2**22
"""COHERE repeats the whole answer in its last frame; aiohttp's own limit of 128 KiB would end a long one."""


class MalformedFrame(Exception):
    """A frame of an event stream, or a whole answer, cannot be read as JSON."""


class NoEventStream(Exception):
    """The answer is not an event stream, for example an error page of a proxy. The argument is its content type."""


class Unauthorized(ServiceError):  # type: ignore[misc]  # the SDK is untyped
    """The service answered 401.

    Args:
        error: the SDK's error.
        session: why that may be, and the remedy, as far as the session knows: see `OCISession.refused`.
    """

    def __init__(self, error: ServiceError, session: tuple[str, str]) -> None:
        super().__init__(error.status, error.code, error.headers, error.message)
        self.session = session


Seen = Callable[[str, Mapping[str, str]], None]
"""Is told the model and the headers, in lower case, of every answer that is no error, before it is read."""


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


class _StrictBaseClient(AsyncBaseClient):  # type: ignore[misc]  # the SDK is untyped
    """Uses proxies and the CA bundle from the environment, and rejects answers that are not event streams.

    Args:
        session: whose credentials sign.
        model: whom the client asks.
        seen: is told the headers of every answer.
    """

    _session: aiohttp.ClientSession | None

    def __init__(self, *args: Any, session: OCISession, model: str, seen: Seen | None, **options: Any) -> None:
        super().__init__(*args, **options)
        self._credentials, self._model, self._seen = session, model, seen

    def is_instance_principal_or_resource_principal_signer(self) -> bool:
        """Whether a call is repeated after a 401 with a new token: with a session's too, which is renewed on disk."""
        renewed = isinstance(self.signer, SessionTokenSigner)
        return renewed or bool(super().is_instance_principal_or_resource_principal_signer())

    async def _get_session(self) -> aiohttp.ClientSession:
        async with self._get_session_lock():
            if self._session is None or self._session.closed:
                bundle = standard_ca_bundle()
                trust = ssl.create_default_context(cafile=bundle) if bundle else True
                self._session = aiohttp.ClientSession(
                    timeout=self._get_client_timeout(),
                    trust_env=True,
                    connector=aiohttp.TCPConnector(ssl=trust),
                    read_bufsize=LONGEST_FRAME_BYTES // 2,  # aiohttp takes lines of twice this size
                )
            return self._session

    async def _open_stream(self, *args: Any, **kwargs: Any) -> Any:
        context, response = await super()._open_stream(*args, **kwargs)
        self._tell(response)
        kind = response.headers.get("content-type", "")
        if not kind.startswith("text/event-stream"):
            await context.__aexit__(None, None, None)
            raise NoEventStream(kind.partition(";")[0])
        return context, _StrictResponse(response)

    def _tell(self, response: aiohttp.ClientResponse) -> None:
        if self._seen is not None:
            self._seen(self._model, _lower(response.headers))

    async def _read_response_data(self, response: aiohttp.ClientResponse, *args: Any, **kwargs: Any) -> Any:
        self._tell(response)
        try:
            return await super()._read_response_data(response, *args, **kwargs)
        except (UnicodeError, RecursionError) as error:  # not UTF-8, or nested without end
            raise MalformedFrame from error

    async def _handle_error_response(self, response: aiohttp.ClientResponse, *args: Any, **kwargs: Any) -> None:
        try:
            await super()._handle_error_response(response, *args, **kwargs)
        except (AttributeError, UnicodeError, RecursionError):  # the SDK reads any JSON as if it were an object
            raise ServiceError(response.status, "Unknown", dict(response.headers), "") from None
        except ServiceError as error:
            if error.status != 401:
                raise
            raise Unauthorized(error, self._credentials.refused()) from error


class _StrictResponse:
    """A response that raises on a malformed frame; the SDK would drop the frame and return a partial text."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    @property
    def content(self) -> AsyncIterator[bytes]:
        return self._lines()

    async def _lines(self) -> AsyncIterator[bytes]:
        try:
            async for line in self._response.content:
                _check_frame(line)
                yield line
        except ValueError as error:  # aiohttp's word for a line that is too long
            raise MalformedFrame from error


def _check_frame(line: bytes) -> None:
    try:
        text = line.strip().decode("utf-8")
        data = text[5:].strip() if text.lower().startswith("data:") else ""
        if data and not data.startswith("[DONE]"):
            json.loads(data)
    except (ValueError, RecursionError) as error:
        raise MalformedFrame from error


class InferenceClients:
    """The inference clients of a session, one for each event loop and model.

    Connections are bound to the event loop that opened them. Each client has its own circuit breaker: with a shared
    one, the outage of one model would also block its fallback and the guardrails.

    Args:
        session: the session.
        name: begins the names of the circuit breakers.
        seen: is told the headers of every answer.
    """

    def __init__(self, session: OCISession, *, name: str = "generative-ai", seen: Seen | None = None) -> None:
        self.session = session
        self._name = name
        self._seen = seen
        self._clients: dict[tuple[asyncio.AbstractEventLoop, str], AsyncGenerativeAiInferenceClient] = {}

    def current(self, model: str) -> AsyncGenerativeAiInferenceClient:
        """Return the client for `model` in the running event loop."""
        key = (asyncio.get_running_loop(), model)
        if key not in self._clients:
            for ended in [each for each in self._clients if each[0].is_closed()]:
                del self._clients[ended]  # its connections closed with the loop
            self._clients[key] = self._make(model)
        return self._clients[key]

    async def call(
        self, operation: str, model: str, details: Any
    ) -> tuple[Mapping[str, Any] | str | None, Mapping[str, str]]:
        """Return the answer as sent, and the headers, of one operation of a model, for example `chat`.

        An answer that is not a JSON object is returned as text, an empty one as `None`.
        """
        answer = await getattr(self.current(model), operation)(details, opc_request_id=new_request_id())
        return answer.data, _lower(answer.headers)

    def stream(self, path: str, model: str, details: Any, request_id: str) -> AsyncIterator[Mapping[str, Any]]:
        """Return the events of a streaming operation.

        Raises, during iteration:
            NoEventStream: the answer is not an event stream.
            MalformedFrame: a frame is not JSON.
        """
        events: AsyncIterator[Mapping[str, Any]] = self.current(model).async_base_client.call_api_stream(
            resource_path=path,
            method="POST",
            header_params={"content-type": "application/json", REQUEST_ID: request_id},
            body=details,
            operation_name="chat",
            retry_strategy=NoneRetryStrategy(),
        )
        return events

    async def aclose(self) -> None:
        """Close the connections of the running event loop."""
        loop = asyncio.get_running_loop()
        for key in [each for each in self._clients if each[0] is loop]:
            await self._clients.pop(key).async_base_client.close()

    def _make(self, model: str) -> AsyncGenerativeAiInferenceClient:
        session = self.session
        options = {
            "service_endpoint": session.inference_endpoint,
            "timeout": session.timeout,
            "skip_deserialization": True,
            "retry_strategy": NoneRetryStrategy(),
            "circuit_breaker_strategy": breaker(f"{self._name}-{model}"),
        }
        client = AsyncGenerativeAiInferenceClient(dict(session.config), signer=session.signer, **options)
        plain = client.async_base_client
        strict = _StrictBaseClient(
            plain.service,
            plain.config,
            plain.signer,
            plain.type_mapping,
            base_path=plain.base_path,
            session=session,
            model=model,
            seen=self._seen,
            **options,
        )
        client.async_base_client = strict
        return client


def new_request_id() -> str:
    """Return a new request id. The SDK's asynchronous client sends none; the service echoes it for support requests."""
    return uuid.uuid4().hex.upper()
