"""OCI's request signatures for `httpx`. Import it lazily: it needs `requests` and `httpx`.

`HttpxOciAuth` of oci-openai 1.1.0 does the same, with two faults that forbid it here: after a 401 it holds a thread's
lock while the repeated request is on its way, so that a second call on the same event loop blocks the loop for good;
and it calls `do_request_sign`, which skips the renewal of a principal's token.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator
from typing import Any

import httpx
import requests

_SIGNED = ("authorization", "date", "x-content-sha256", "content-length", "content-type", "host")


class SignedRequests(httpx.Auth):
    """Signs requests with the signer of an OCI session, whichever way of authentication made it."""

    requires_request_body = True

    def __init__(self, signer: Any) -> None:
        self._signer = signer
        self._renew: Callable[[], None] | None = getattr(signer, "refresh_security_token", None)

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Yield the signed request; after a 401, once more with a token that was renewed."""
        content = request.read()
        self._sign(request, content)
        response = yield request
        if self._renew is not None and response.status_code == httpx.codes.UNAUTHORIZED:
            self._renew()
            self._sign(request, content)
            yield request

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Yield the signed request; after a 401, once more with a token that was renewed.

        It is signed in a thread: a principal's signer may first ask for a token.
        """
        content = await request.aread()
        await asyncio.to_thread(self._sign, request, content)
        response = yield request
        if self._renew is not None and response.status_code == httpx.codes.UNAUTHORIZED:
            await asyncio.to_thread(self._renew)
            await asyncio.to_thread(self._sign, request, content)
            yield request

    def _sign(self, request: httpx.Request, content: bytes) -> None:
        named = {name: request.headers[name] for name in ("content-type", "host") if name in request.headers}
        prepared = requests.Request(request.method, str(request.url), headers=named, data=content).prepare()
        self._signer(prepared)
        # The SDK of OpenAI has put its own `authorization` there: the signature takes its place.
        for name in _SIGNED:
            if name in prepared.headers:
                request.headers[name] = str(prepared.headers[name])
