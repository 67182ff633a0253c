"""The signing keys of a token issuer: fetched on first use, cached, and fetched again for an unknown key."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, NamedTuple
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
"""Minimum interval after a fetch that succeeded: forged tokens with unknown keys must not flood the issuer."""

BACK_OFF_SECONDS = 1.0
"""Interval after the first fetch that failed while it is needed. It doubles with each further one, up to
`RETRY_SECONDS`: an issuer that was away for a moment must not lock everybody out for long."""

PAUSES_SECONDS = (0.2, 0.6)
"""Pauses before the further attempts of one fetch. Chosen values: a restart of a load balancer takes this long."""

LEAST_RSA_BITS = 2048
"""Bits of an RSA key that may verify a token, as RFC 7518 requires. A shorter one can be factored."""

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

    def __init__(
        self,
        settings: OIDCSettings,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        if not settings.issuer or not settings.audience:
            raise SettingsInvalid(
                "tokens need an issuer and an audience",
                hint="set SIXPLANE_SERVER__OIDC__ISSUER and SIXPLANE_SERVER__OIDC__AUDIENCE",
            )
        for address in filter(None, (settings.issuer, settings.jwks_url)):
            check_address(address)
        self._settings, self._clock, self._sleep = settings, clock, sleep
        self._keys: dict[str, _Key] = {}
        self._fetched, self._tried, self._failures = float("-inf"), float("-inf"), 0
        self._fetching = asyncio.Lock()

    async def get(self, key_id: str, algorithm: str) -> jwt.PyJWK:
        """Return the key with this id, for tokens that are signed by `algorithm`.

        Raises:
            Unauthenticated: the issuer has no such key, or it is for another algorithm.
            DependencyUnavailable: the issuer does not answer, and the cached keys are too old.
        """
        if key_id not in self._keys or self._clock() - self._fetched > FRESH_SECONDS:
            async with self._fetching:  # one fetch for all requests that wait; `_refresh` checks again under the lock
                await self._refresh(key_id)
        if self._clock() - self._fetched > STALE_SECONDS:
            raise DependencyUnavailable("the issuer's keys cannot be fetched", hint="check `server.oidc.jwks_url`")
        found = self._keys.get(key_id)
        if found is None or found.algorithm not in (None, algorithm):
            raise Unauthenticated("the token's key is unknown")
        return found.key

    async def _refresh(self, key_id: str) -> None:
        now, known = self._clock(), key_id in self._keys
        if (known and now - self._fetched <= FRESH_SECONDS) or now - self._tried < self._interval(known):
            return
        needed = now - self._fetched > STALE_SECONDS
        try:
            self._keys = await self._fetch(PAUSES_SECONDS if needed else ())
            self._fetched, self._failures = self._clock(), 0
        except _UNUSABLE as error:
            self._failures += 1
            if needed:
                raise DependencyUnavailable(
                    f"the issuer's keys cannot be fetched: {type(error).__name__}",
                    hint="check `server.oidc.jwks_url` and the network",
                ) from error
        finally:
            self._tried = self._clock()

    def _interval(self, known: bool) -> float:
        """Return the seconds between two fetches. A known key can wait: it is used while the issuer does not answer."""
        if known or not self._failures:
            return RETRY_SECONDS
        return min(RETRY_SECONDS, BACK_OFF_SECONDS * 2.0 ** min(self._failures - 1, 10))

    async def _fetch(self, pauses: tuple[float, ...]) -> dict[str, _Key]:
        """Return the keys. An attempt that fails is repeated after each of `pauses`."""
        async with httpx.AsyncClient(timeout=TIMEOUT_SECONDS) as client, asyncio.timeout(2 * TIMEOUT_SECONDS):
            for pause in pauses:
                try:
                    return await self._published(client)
                except _UNUSABLE:
                    await self._sleep(pause)
            return await self._published(client)

    async def _published(self, client: httpx.AsyncClient) -> dict[str, _Key]:
        address = self._settings.jwks_url or await self._discovered(client)
        return _usable((await issuer_document(client, address))["keys"])

    async def _discovered(self, client: httpx.AsyncClient) -> str:
        base = self._settings.issuer.rstrip("/")
        address = str((await issuer_document(client, f"{base}/.well-known/openid-configuration"))["jwks_uri"])
        check_address(address)
        return address


async def issuer_document(client: httpx.AsyncClient, address: str) -> dict[str, Any]:
    """Return the JSON object at `address`. Raises `httpx.HTTPError`, `ValueError` or `TypeError` for anything else."""
    async with client.stream("GET", address, headers={"accept": "application/json"}) as answer:
        answer.raise_for_status()
        return await object_of(answer)


async def object_of(answer: httpx.Response) -> dict[str, Any]:
    """Return the JSON object of an answer that is read here, and no more of it than `MAX_BYTES`.

    Raises `httpx.HTTPError`, `ValueError` or `TypeError` for anything else.
    """
    found = bytearray()
    async for piece in answer.aiter_bytes():
        found += piece
        if len(found) > MAX_BYTES:
            raise ValueError("the document is too large")
    document = json.loads(found)
    if not isinstance(document, dict):
        raise TypeError("the document is not an object")
    return document


class _Key(NamedTuple):
    """A key, and the only algorithm that it is for, `None` if the issuer does not state one.

    PyJWT gives a key without `alg` the most usual algorithm of its type, so its own `algorithm_name` cannot tell.
    """

    key: jwt.PyJWK
    algorithm: str | None


def _usable(published: Any) -> dict[str, _Key]:
    """Return the keys that verify signatures, by id. Raises `ValueError` or `TypeError` if there are none."""
    found = {}
    for each in published:
        if isinstance(each, dict) and _signs(each):
            with suppress(
                jwt.PyJWTError, TypeError, ValueError
            ):  # one key that cannot be read must not cost the others
                key = jwt.PyJWK(each)
                if each["kty"] != "RSA" or key.key.key_size >= LEAST_RSA_BITS:
                    found[each["kid"]] = _Key(key, each.get("alg"))
    if not found:
        raise ValueError("the issuer publishes no key for signatures")
    return found


def _signs(key: dict[str, Any]) -> bool:
    """Whether a JSON Web Key is published for signatures: a key for encryption must not verify a token."""
    operations = key.get("key_ops", ["verify"])
    return (
        key.get("kty") in ("RSA", "EC", "OKP")
        and key.get("use", "sig") == "sig"
        and isinstance(operations, list)
        and "verify" in operations
        and isinstance(key.get("kid"), str)
        and bool(key["kid"])
    )


def check_address(address: str) -> None:
    """Raise `SettingsInvalid` unless an address of the issuer is safe from others on the way to it."""
    parts = urlsplit(address)
    if parts.scheme != "https" and parts.hostname not in _LOOPBACK:
        raise SettingsInvalid(
            f"{address!r} is not an https address", hint="use https: these keys decide whose tokens are accepted"
        )
