"""The signing keys of a token issuer: fetched on first use, cached, and fetched again for an unknown key."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import httpx
import jwt

from settings import OIDCSettings
from state.errors import DependencyUnavailable, SettingsInvalid, Unauthenticated

FRESH_SECONDS = 600.0
"""Fetched keys are used without a new fetch for this long. A key that the issuer withdraws is refused after it."""

STALE_SECONDS = 24 * 3600.0
"""Fetched keys are used for this long while the issuer does not answer: an outage must not lock everybody out."""

RETRY_SECONDS = 30.0
"""Minimum interval between two fetches: forged tokens with unknown keys must not flood the issuer."""

MAX_BYTES = 256 * 1024
TIMEOUT_SECONDS = 5.0

_LOOPBACK = ("127.0.0.1", "::1", "localhost")


_UNUSABLE = (
    httpx.HTTPError,
    httpx.InvalidURL,
    ValueError,
    TypeError,
    LookupError,
    SettingsInvalid,
    jwt.PyJWTError,
    TimeoutError,
)
"""Errors of an issuer that does not answer or answers nonsense. Cached keys stay in use."""


class IssuerKeys:
    """The signing keys of `settings.issuer`, by key id.

    Raises, when constructed:
        SettingsInvalid: issuer or audience is missing, or an address is not `https`.
    """

    def __init__(self, settings: OIDCSettings, *, clock: Callable[[], float] = time.monotonic) -> None:
        if not settings.issuer or not settings.audience:
            raise SettingsInvalid(
                "tokens need an issuer and an audience",
                hint="set SIXPLANE_SERVER__OIDC__ISSUER and SIXPLANE_SERVER__OIDC__AUDIENCE",
            )
        for address in filter(None, (settings.issuer, settings.jwks_url)):
            _check_address(address)
        self._settings, self._clock = settings, clock
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched, self._tried = float("-inf"), float("-inf")
        self._fetching = asyncio.Lock()

    async def get(self, key_id: str) -> jwt.PyJWK:
        """Return the key with this id.

        Raises:
            Unauthenticated: the issuer has no such key.
            DependencyUnavailable: the issuer does not answer, and the cached keys are too old.
        """
        if key_id not in self._keys or self._clock() - self._fetched > FRESH_SECONDS:
            async with self._fetching:  # one fetch for all requests that wait; `_refresh` checks again under the lock
                await self._refresh(key_id)
        if self._clock() - self._fetched > STALE_SECONDS:
            raise DependencyUnavailable("the issuer's keys cannot be fetched", hint="check `server.oidc.jwks_url`")
        if key_id not in self._keys:
            raise Unauthenticated("the token's key is unknown")
        return self._keys[key_id]

    async def _refresh(self, key_id: str) -> None:
        now = self._clock()
        due = key_id not in self._keys or now - self._fetched > FRESH_SECONDS
        if not due or now - self._tried < RETRY_SECONDS:
            return
        self._tried = now
        try:
            self._keys, self._fetched = await self._fetch(), now
        except _UNUSABLE as error:
            if self._clock() - self._fetched > STALE_SECONDS:
                raise DependencyUnavailable(
                    f"the issuer's keys cannot be fetched: {type(error).__name__}",
                    hint="check `server.oidc.jwks_url` and the network",
                ) from error

    async def _fetch(self) -> dict[str, jwt.PyJWK]:
        async with httpx.AsyncClient(timeout=TIMEOUT_SECONDS) as client, asyncio.timeout(2 * TIMEOUT_SECONDS):
            address = self._settings.jwks_url or await self._discovered(client)
            keys = jwt.PyJWKSet.from_dict(await _document(client, address)).keys
        return {key.key_id: key for key in keys if key.key_id and key.key_type in ("RSA", "EC", "OKP")}

    async def _discovered(self, client: httpx.AsyncClient) -> str:
        base = self._settings.issuer.rstrip("/")
        address = str((await _document(client, f"{base}/.well-known/openid-configuration"))["jwks_uri"])
        _check_address(address)
        return address


async def _document(client: httpx.AsyncClient, address: str) -> dict[str, Any]:
    """Return the JSON object at `address`. Raises `httpx.HTTPError`, `ValueError` or `TypeError` for anything else."""
    found = bytearray()
    async with client.stream("GET", address, headers={"accept": "application/json"}) as answer:
        answer.raise_for_status()
        async for piece in answer.aiter_bytes():
            found += piece
            if len(found) > MAX_BYTES:
                raise ValueError("the document is too large")
    document = json.loads(found)
    if not isinstance(document, dict):
        raise TypeError("the document is not an object")
    return document


def _check_address(address: str) -> None:
    parts = urlsplit(address)
    if parts.scheme != "https" and parts.hostname not in _LOOPBACK:
        raise SettingsInvalid(
            f"{address!r} is not an https address", hint="use https: these keys decide whose tokens are accepted"
        )
