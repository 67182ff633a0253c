"""The signer of a session token, which is renewed on disk. Import it lazily: the SDK is slow to load."""

from __future__ import annotations

import base64
import binascii
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from oci.auth.signers import SecurityTokenSigner

from state.errors import SettingsInvalid


@dataclass(frozen=True)
class SessionToken:
    """A token as it stands on disk.

    Args:
        text: the token.
        key: the private key that signs with it.
        expires: in seconds since the epoch.
    """

    text: str
    key: Any
    expires: float

    @property
    def expired(self) -> bool:
        """Whether OCI no longer accepts it."""
        return self.expires <= time.time()


def expiry_of(token: str) -> float:
    """Return when a token (a JWT) expires, in seconds since the epoch. Raises `ValueError` if it does not say."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return float(claims["exp"])
    except (LookupError, ValueError, TypeError, binascii.Error):
        raise ValueError("this is no token that says when it expires") from None


class SessionTokenSigner(SecurityTokenSigner):  # type: ignore[misc]  # the SDK is untyped
    """Signs with a session token, and reads it again where it has expired or the service refuses it.

    `oci session refresh` writes a new token into the file of the old one, about once an hour. The SDK's own signer
    keeps the one that it was made with.

    Args:
        token: the first token.
        read: reads the token from disk; raises `SettingsInvalid` if it cannot.
        remedy: how a person renews it.
    """

    def __init__(self, token: SessionToken, read: Callable[[], SessionToken], remedy: str) -> None:
        super().__init__(token.text, token.key)
        self._token, self._read, self._remedy = token, read, remedy
        self._lock = threading.Lock()  # requests are signed in threads

    def __call__(self, request: Any, enforce_content_headers: bool = True) -> Any:
        """Return the signed request."""
        if self._token.expired:
            self.refresh_security_token()
        with self._lock:  # a renewal changes key and token one after the other: no request may be signed in between
            return super().__call__(request, enforce_content_headers)

    def refresh_security_token(self) -> None:
        """Read token and key from disk. The SDK gives this name to the renewal of a principal's token."""
        try:
            token = self._read()
        except SettingsInvalid:  # being written, or gone: the service refuses the old one, and `refused` says why
            return
        with self._lock:
            self._token = token
            self.api_key, self.private_key = f"ST${token.text}", token.key
            self._basic_signer.reset_signer(self.api_key, token.key)
            self._body_signer.reset_signer(self.api_key, token.key)

    def refused(self) -> tuple[str, str]:
        """Return why the service may have refused the token, and the remedy."""
        why = "its session token has expired" if self._token.expired else "it does not accept the session token"
        return why, self._remedy
