"""Signing people in at an OpenID Connect issuer: the authorization code flow with PKCE (RFC 7636)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import httpx
import jwt

from policy.identity.issuer import FRESH_SECONDS, TIMEOUT_SECONDS, check_address, issuer_document, object_of
from settings import OIDCSettings
from state.errors import DependencyUnavailable, Unauthenticated
from state.values import Value

_UNUSABLE = (httpx.HTTPError, httpx.InvalidURL, ValueError, TypeError, LookupError)


class Attempt(Value):
    """One attempt to sign in: what the way back from the issuer is checked against. Its holder keeps it secret.

    Args:
        address: where the browser goes to sign in.
        state: comes back with the browser; another one means that somebody else began this.
        nonce: comes back in the id token.
        verifier: proves to the issuer that who fetches the token has begun the sign-in.
        redirect_uri: where the browser comes back to.
    """

    address: str
    state: str
    nonce: str
    verifier: str
    redirect_uri: str


class CodeFlow:
    """Signs people in as the client `settings.client_id`."""

    def __init__(self, settings: OIDCSettings, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings, self._clock = settings, clock
        self._found: dict[str, str] = {}
        self._until = float("-inf")

    async def begin(self, redirect_uri: str) -> Attempt:
        """Return a new attempt. Raises `DependencyUnavailable` if the issuer does not answer."""
        verifier, state, nonce = secrets.token_urlsafe(48), secrets.token_urlsafe(24), secrets.token_urlsafe(24)
        digest = hashlib.sha256(verifier.encode()).digest()
        asked = {
            "response_type": "code",
            "client_id": self._settings.client_id,
            "redirect_uri": redirect_uri,
            "scope": self._settings.scopes,
            "state": state,
            "nonce": nonce,
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        endpoint = await self._endpoint("authorization_endpoint")
        address = f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(asked)}"
        return Attempt(address=address, state=state, nonce=nonce, verifier=verifier, redirect_uri=redirect_uri)

    async def finish(self, attempt: Attempt, state: str, code: str) -> str:
        """Return the person's token for the code that the issuer sent back.

        Raises:
            Unauthenticated: the state is another one, or the issuer refuses the code.
            DependencyUnavailable: the issuer does not answer.
        """
        if not hmac.compare_digest(attempt.state.encode(), state.encode()):
            raise Unauthenticated("this sign-in was not begun in this browser")
        given = await self._tokens(
            {
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": attempt.redirect_uri,
                "client_id": self._settings.client_id,
                "code_verifier": attempt.verifier,
            }
        )
        token = given.get(self._settings.sign_in_token)
        if not isinstance(token, str):
            raise Unauthenticated(f"the issuer gave no {self._settings.sign_in_token}")
        if self._settings.sign_in_token == "id_token":  # noqa: S105 - the name of a kind, no secret
            _check_nonce(token, attempt.nonce)
        return token

    async def _tokens(self, form: dict[str, str]) -> dict[str, Any]:
        secret = self._settings.client_secret.get_secret_value()
        login = httpx.BasicAuth(self._settings.client_id, secret) if secret else httpx.Auth()
        endpoint = await self._endpoint("token_endpoint")
        try:
            async with (
                httpx.AsyncClient(timeout=TIMEOUT_SECONDS) as client,
                client.stream(
                    "POST", endpoint, data=form, auth=login, headers={"accept": "application/json"}
                ) as answer,
            ):
                if 400 <= answer.status_code < 500:
                    raise Unauthenticated("the issuer refuses this sign-in")
                answer.raise_for_status()
                return await object_of(answer)
        except _UNUSABLE as error:
            raise _unavailable(error) from error

    async def _endpoint(self, name: str) -> str:
        if self._clock() > self._until:
            base = self._settings.issuer.rstrip("/")
            try:
                async with httpx.AsyncClient(timeout=TIMEOUT_SECONDS) as client:
                    found = await issuer_document(client, f"{base}/.well-known/openid-configuration")
                self._found = {each: str(found[each]) for each in ("authorization_endpoint", "token_endpoint")}
            except _UNUSABLE as error:
                raise _unavailable(error) from error
            for address in self._found.values():
                check_address(address)
            self._until = self._clock() + FRESH_SECONDS
        return self._found[name]


def _check_nonce(token: str, nonce: str) -> None:
    """Raise `Unauthenticated` unless the token was made for this attempt. Its signature is checked where it is used."""
    try:
        claims = jwt.decode(token, options={"verify_signature": False})
    except jwt.PyJWTError as error:
        raise Unauthenticated("the issuer gave no usable token") from error
    if not hmac.compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode()):
        raise Unauthenticated("the token is of another sign-in")


def _unavailable(error: Exception) -> DependencyUnavailable:
    return DependencyUnavailable(
        f"the issuer cannot be asked: {type(error).__name__}", hint="try again; check `server.oidc.issuer`"
    )
