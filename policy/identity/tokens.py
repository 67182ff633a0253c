"""Bearer tokens of an OpenID Connect issuer, for example an OCI IAM identity domain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jwt

from policy.identity.issuer import IssuerKeys
from policy.identity.principal import Permission, Principal
from settings import OIDCSettings, checked_name
from state.errors import NameInvalid, Unauthenticated

MAX_TOKEN_CHARS = 16_384
MAX_SUBJECT_CHARS = 255

_MALFORMED = (jwt.PyJWTError, NameInvalid, ValueError, TypeError, OverflowError, RecursionError)
"""What a token raises that cannot be read: `TypeError` for another type of key, and from older versions of PyJWT
`OverflowError` for an infinite time and `RecursionError` for JSON that is nested too deeply."""


class TokenVerifier:
    """Verifies tokens of `settings.issuer` for `settings.audience`."""

    def __init__(self, settings: OIDCSettings, keys: IssuerKeys | None = None) -> None:
        self._settings = settings
        self._keys = keys or IssuerKeys(settings)

    async def verify(self, token: str) -> Principal:
        """Return the principal that the token names.

        Raises:
            Unauthenticated: the token is malformed, expired, for another audience, or lacks a claim.
            DependencyUnavailable: the issuer's keys cannot be fetched.
        """
        if len(token) > MAX_TOKEN_CHARS:
            raise Unauthenticated("the token is too long")
        try:
            header = jwt.get_unverified_header(token)
            key_id, algorithm = header.get("kid"), header.get("alg")
            if algorithm not in self._settings.algorithms or not isinstance(key_id, str):
                raise Unauthenticated("the token's signing algorithm is not accepted")
            if "crit" in header:  # PyJWT before 2.12 takes no notice of it
                raise Unauthenticated("the token needs an extension that is not known")
            return self._principal(self._claims(token, await self._keys.get(key_id, algorithm), algorithm))
        except _MALFORMED as error:
            raise Unauthenticated(f"the token is not valid: {type(error).__name__}") from error

    def _claims(self, token: str, key: jwt.PyJWK, algorithm: str) -> Mapping[str, Any]:
        claims: Mapping[str, Any] = jwt.decode(
            token,
            key=key.key,
            algorithms=[algorithm],
            audience=self._settings.audience,
            issuer=self._settings.issuer,
            leeway=self._settings.leeway_seconds,
            options={"require": ["exp", "iat", "iss", "aud", self._settings.subject_claim]},
        )
        return claims

    def _principal(self, claims: Mapping[str, Any]) -> Principal:
        settings = self._settings
        subject = claims[settings.subject_claim]
        if not isinstance(subject, str) or not 0 < len(subject) <= MAX_SUBJECT_CHARS:
            raise Unauthenticated("the token names no subject")
        tenant = claims.get(settings.tenant_claim) if settings.tenant_claim else settings.tenant
        if not isinstance(tenant, str) or not tenant:
            raise Unauthenticated(f"the token has no claim {settings.tenant_claim!r}")
        named = set(_words(claims.get(settings.roles_claim)))
        return Principal(
            id=subject,
            tenant=checked_name("tenant", tenant),
            roles=tuple(each for each in Permission if settings.role_names.get(each.value, each.value) in named),
            audiences=_words(claims.get(settings.audiences_claim)),
            method="oidc",
        )


def _words(claim: Any) -> tuple[str, ...]:
    """Return the words of a claim: a list, a list of objects with names, or text with spaces, as in `scope`."""
    if isinstance(claim, str):
        return tuple(claim.split())
    if not isinstance(claim, list | tuple):
        return ()
    named = [each.get("name") if isinstance(each, Mapping) else each for each in claim]
    return tuple(each for each in named if isinstance(each, str))
