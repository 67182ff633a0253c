"""Authentication: turns the `Authorization` header into a principal, by the methods that the settings accept."""

from __future__ import annotations

import ipaddress
import logging

from policy.identity.keys import PREFIX, ApiKeys
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

    def __init__(self, settings: Settings, *, keys: ApiKeys | None = None, tokens: TokenVerifier | None = None) -> None:
        mode = settings.server.auth
        self._off = mode == "off"
        if self._off:
            _check_loopback(settings.server.host)
            _log.warning("authentication is off: everybody on this machine is an administrator of the tenant local")
        self._keys = keys or ApiKeys(settings) if mode in ("keys", "both") else None
        self._tokens = tokens or TokenVerifier(settings.server.oidc) if mode in ("oidc", "both") else None

    async def __call__(self, header: str | None) -> Principal:
        """Return the principal of the request with this `Authorization` header.

        Raises:
            Unauthenticated: the header has no valid credentials.
            DependencyUnavailable: the keys cannot be read, or the issuer does not answer.
        """
        if self._off:
            return LOCAL
        scheme, _, credentials = (header or "").strip().partition(" ")
        credentials = credentials.strip()
        if scheme.lower() != "bearer" or not credentials:
            raise Unauthenticated("the request has no credentials")
        if self._keys is not None and credentials.startswith(PREFIX):
            return await self._keys.verify(credentials)
        if self._tokens is not None and not credentials.startswith(PREFIX):
            return await self._tokens.verify(credentials)
        raise Unauthenticated("credentials of this kind are not accepted")

    async def aclose(self) -> None:
        """Close the key database."""
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
