"""The cookie of a signed-in browser. It holds the credentials, sealed: each request is authenticated by them anew.

So a key that is revoked ends its sign-ins at once, and the server keeps no list of them.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet, InvalidToken
from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.responses import Response

from experience.files import write_file
from settings import Settings
from settings.pools import IO
from state.errors import BadInput

COOKIE = "sixplane"
SIGNING_IN = "sixplane_signing_in"

_PART = 3_800
"""Characters of a cookie. Browsers keep at least 4,096 bytes of each, name and attributes included (RFC 6265)."""

_MOST_PARTS = 6
"""Cookies of a sign-in: enough for the longest token that is accepted."""

SIGNING_IN_SECONDS = 600
"""How long a sign-in at the issuer may take."""


class Sessions:
    """Seals and opens the cookies of the page."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lasts = round(settings.server.session_hours * 3600)
        self._fernet: Fernet | None = None

    async def begin(self, response: Response, credentials: str, *, secure: bool) -> None:
        """Sign the browser in: put `credentials`, an API key or a token, into its cookies."""
        sealed = (await self._seal()).encrypt(zlib.compress(credentials.encode())).decode()
        parts = [sealed[at : at + _PART] for at in range(0, len(sealed), _PART)]
        if len(parts) > _MOST_PARTS:
            raise BadInput("the token is too long for a cookie", hint="let the issuer put fewer claims into it")
        for number in range(_MOST_PARTS):
            name = _part_name(number)
            if number < len(parts):
                response.set_cookie(
                    name, parts[number], max_age=self._lasts, httponly=True, secure=secure, samesite="lax"
                )
            else:  # of an earlier sign-in with a longer token
                response.delete_cookie(name)

    def end(self, response: Response) -> None:
        """Sign the browser out."""
        for number in range(_MOST_PARTS):
            response.delete_cookie(_part_name(number))

    async def header(self, headers: Headers) -> str | None:
        """Return the `Authorization` header that the cookies stand for; `None` without a valid sign-in."""
        cookies = cookie_parser(headers.get("cookie", ""))
        sealed = "".join(cookies.get(_part_name(number), "") for number in range(_MOST_PARTS))
        if not sealed:
            return None
        try:
            opened = (await self._seal()).decrypt(sealed.encode(), ttl=self._lasts)
        except InvalidToken:
            return None
        return f"Bearer {zlib.decompress(opened).decode()}"

    async def keep(self, response: Response, values: dict[str, Any], *, secure: bool) -> None:
        """Keep what the way back from the issuer needs in a cookie."""
        sealed = (await self._seal()).encrypt(json.dumps(values).encode()).decode()
        response.set_cookie(
            SIGNING_IN,
            sealed,
            max_age=SIGNING_IN_SECONDS,
            httponly=True,
            secure=secure,
            samesite="lax",
            path="/sign-in",
        )

    async def kept(self, headers: Headers) -> dict[str, Any] | None:
        """Return what `keep` has kept, `None` if the cookie is missing or too old."""
        sealed = cookie_parser(headers.get("cookie", "")).get(SIGNING_IN, "")
        try:
            values: dict[str, Any] = json.loads((await self._seal()).decrypt(sealed.encode(), ttl=SIGNING_IN_SECONDS))
        except InvalidToken:
            return None
        return values

    async def _seal(self) -> Fernet:
        if self._fernet is None:
            secret = self._settings.server.session_key.get_secret_value()
            key = secret.encode() or await IO.run(_stored_key, self._settings.home)
            # What is sealed for one purpose must not open for another, so the purpose is a part of the key.
            digest = hashlib.sha256(b"sixplane page session\0" + key).digest()
            self._fernet = Fernet(base64.urlsafe_b64encode(digest))
        return self._fernet


def _part_name(number: int) -> str:
    return COOKIE if number == 0 else f"{COOKIE}.{number}"


def _stored_key(home: Path) -> bytes:
    """Return the key in the home folder. The first process that needs it makes it."""
    path = home / "session.key"
    if not path.exists():
        home.mkdir(parents=True, exist_ok=True)
        with suppress(BadInput):  # another process has made it since
            write_file(path, secrets.token_hex(32).encode(), mode=0o600, replace=False)
    return path.read_bytes()
