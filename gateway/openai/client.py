"""The HTTP client of OpenAI-compatible endpoints. Import it lazily: `httpx` takes a tenth of a second to load."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Iterable
from typing import Any

import httpx

from gateway.replies.reply import hear
from gateway.retirement import notice_retirement
from settings.tree import standard_ca_bundle


class WebPage(Exception):
    """An endpoint answered with a web page, as a proxy or a wrong address does. The argument is the status."""


class LoopClient(httpx.AsyncClient):
    """One client for all event loops: it builds requests, and a client of the running loop sends them.

    Connections are bound to the loop that opened them. A chat model outlives loops where it is called synchronously,
    since each such call runs on a loop of its own.

    Args:
        auth: signs each request; `None` where the SDK's bearer header suffices.
        dropped: headers that are not sent, though the SDK sets them.
    """

    def __init__(self, auth: httpx.Auth | None = None, *, dropped: Iterable[str] = ()) -> None:
        super().__init__(transport=httpx.AsyncBaseTransport())  # never used: what is sent goes through `_current`
        self._auth_of_all = auth
        self._dropped = tuple(dropped)
        self._clients: dict[asyncio.AbstractEventLoop, httpx.AsyncClient] = {}

    async def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        """Send a request on the running loop.

        Raises:
            WebPage: the answer is HTML, which no model writes.
        """
        for name in self._dropped:
            request.headers.pop(name, None)
        return await self._current().send(request, **options)

    async def aclose(self) -> None:
        """Close the connections of the running loop."""
        client = self._clients.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.aclose()

    def _current(self) -> httpx.AsyncClient:
        loop = asyncio.get_running_loop()
        if loop not in self._clients:
            for ended in [each for each in self._clients if each.is_closed()]:
                del self._clients[ended]  # its connections closed with the loop
            bundle = standard_ca_bundle()
            trust = ssl.create_default_context(cafile=bundle) if bundle else True
            # Redirects are not followed: a signature holds for one host and path, and a key belongs to one endpoint.
            self._clients[loop] = httpx.AsyncClient(
                auth=self._auth_of_all,
                verify=trust,
                event_hooks={"response": [_hear, _refuse_page, _notice_retirement]},
            )
        return self._clients[loop]


async def _hear(response: httpx.Response) -> None:
    hear(response.headers)


async def _notice_retirement(response: httpx.Response) -> None:
    """OCI's compatible endpoint answers with the headers of its own API; other servers do not know this one."""
    if "model-retirement-info" in response.headers:
        asked = json.loads(response.request.content or b"{}")
        notice_retirement(str(asked.get("model", "")), response.headers)


async def _refuse_page(response: httpx.Response) -> None:
    if response.headers.get("content-type", "").startswith(("text/html", "application/xhtml")):
        raise WebPage(response.status_code)
