"""Authentication: turns the `Authorization` header into a principal, by the methods that the settings accept."""

from __future__ import annotations

import hashlib
import ipaddress
import logging
import time
from collections.abc import Callable

from jwt import ExpiredSignatureError

from observability.audit import AuditTrail
from policy.fingerprint import policy_reference
from policy.identity.failures import FailedLogins, sources_of
from policy.identity.keys import PREFIX, ApiKeys, key_id_of
from policy.identity.logins import LoginAudit
from policy.identity.principal import Permission, Principal
from policy.identity.tokens import TokenVerifier
from settings import Settings
from state.errors import SettingsInvalid, Unauthenticated

_log = logging.getLogger(__name__)

LOCAL = Principal(id="local", tenant="local", roles=(Permission.ADMIN,), method="loopback")
"""The principal of every caller while authentication is off."""


class Authenticator:
    """Accepts API keys, tokens, both, or every caller if authentication is off.

    Raises, when constructed:
        SettingsInvalid: authentication is off on a host that is not loopback, or the settings of tokens are missing.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        keys: ApiKeys | None = None,
        tokens: TokenVerifier | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        mode = settings.server.auth
        self._off = mode == "off"
        if self._off:
            _check_loopback(settings.server.host)
            _log.warning("authentication is off: everybody on this machine is an administrator of the tenant local")
        self._keys = keys or ApiKeys(settings) if mode in ("keys", "both") else None
        self._tokens = tokens or TokenVerifier(settings.server.oidc) if mode in ("oidc", "both") else None
        self._failures = FailedLogins(
            per_address=settings.server.failed_logins_per_address,
            per_key=settings.server.failed_logins_per_key,
            clock=clock,
        )
        self._logins = LoginAudit(AuditTrail(settings, policy=policy_reference(settings).hash), clock)

    async def __call__(self, header: str | None, address: str = "") -> Principal:
        """Return the principal of the request with this `Authorization` header, sent from `address`.

        Raises:
            Unauthenticated: the header has no valid credentials.
            RateLimited: too many log-ins from this address or with this key have failed.
            AuditUnavailable: the log-in cannot be recorded in the audit trail.
            DependencyUnavailable: the keys cannot be read, or the issuer does not answer.
        """
        if self._off:
            return LOCAL
        scheme, _, credentials = (header or "").strip().partition(" ")
        credentials = credentials.strip()
        if scheme.lower() != "bearer" or not credentials:
            raise Unauthenticated("the request has no credentials")
        key_id = key_id_of(credentials)
        sources = sources_of(address, key_id)
        hashed = hashlib.sha256(credentials.encode()).digest()
        self._failures.check(sources, hashed)
        try:
            principal = await self._verified(credentials)
        except Unauthenticated as error:
            # An expired token was signed by the issuer. It is no guess, and every client sends one now and then.
            if isinstance(error.__cause__, ExpiredSignatureError):
                await self._logins.expired(error, sources)
                raise
            self._failures.failed(sources, hashed)
            await self._logins.failed(error, sources)
            raise
        self._failures.succeeded(sources, hashed)
        await self._logins.succeeded(principal, key_id or "", sources)
        return principal

    async def _verified(self, credentials: str) -> Principal:
        if self._keys is not None and credentials.startswith(PREFIX):
            return await self._keys.verify(credentials)
        if self._tokens is not None and not credentials.startswith(PREFIX):
            return await self._tokens.verify(credentials)
        raise Unauthenticated("credentials of this kind are not accepted")

    async def aclose(self) -> None:
        """Close the key database and the audit trail."""
        await self._logins.aclose()
        if self._keys is not None:
            await self._keys.aclose()


def _check_loopback(host: str) -> None:
    try:
        local = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        local = False
    if not local:
        raise SettingsInvalid(
            f"authentication cannot be off on {host!r}",
            hint="bind to 127.0.0.1, or set SIXPLANE_SERVER__AUTH to keys, oidc or both",
        )
