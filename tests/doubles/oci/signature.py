"""OCI's request signatures (draft-cavage HTTP signatures, `rsa-sha256`), verified without the SDK."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

MAX_SKEW_SECONDS = 300
_SIGNED = frozenset({"date", "(request-target)", "host"})
_SIGNED_WITH_BODY = _SIGNED | {"content-length", "content-type", "x-content-sha256"}
_BODYLESS = frozenset({"GET", "HEAD", "DELETE"})
_FIELD = re.compile(r'(\w+)="([^"]*)"')


class NotAuthenticated(Exception):
    """The request is not signed as it should be."""


@cache
def throw_away_key() -> rsa.RSAPrivateKey:
    """Return the process's key."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def pem_of(key: rsa.RSAPrivateKey) -> str:
    """Return a private key as unencrypted PEM."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()


def fingerprint_of(key: rsa.RSAPrivateKey) -> str:
    """Return the fingerprint under which OCI knows the key."""
    der = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.md5(der, usedforsecurity=False).digest().hex(":")


@dataclass(frozen=True)
class Verifier:
    """Accepts what `key` signed under one of `key_ids`: `tenancy/user/fingerprint`, or `ST$token`.

    Its clock is `ahead` of this machine's by so many seconds.
    """

    key: rsa.RSAPublicKey
    key_ids: frozenset[str]
    ahead: float = 0.0

    def check(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> None:
        """Raise `NotAuthenticated` unless a request is signed, whole and in time.

        Args:
            method: of the request.
            target: path and query, as they were sent.
            headers: with names in any case.
            body: as it arrived.
        """
        said = headers.get("authorization", "")
        fields = dict(_FIELD.findall(said))
        if not said.startswith("Signature ") or fields.get("algorithm") != "rsa-sha256":
            raise NotAuthenticated("no rsa-sha256 signature")
        if fields.get("keyId") not in self.key_ids:
            raise NotAuthenticated("unknown key")
        names = fields.get("headers", "").split()
        _check_signed_names(method, names, headers)
        _check_date(headers.get("date", ""), datetime.now(UTC) + timedelta(seconds=self.ahead))
        if method not in _BODYLESS and headers.get("x-content-sha256") != _digest(body):
            raise NotAuthenticated("the body is not the one that was signed")
        text = "\n".join(f"{name}: {_value(name, method, target, headers)}" for name in names)
        try:
            signature = base64.b64decode(fields.get("signature", ""), validate=True)
            self.key.verify(signature, text.encode(), padding.PKCS1v15(), hashes.SHA256())
        except (InvalidSignature, ValueError) as error:
            raise NotAuthenticated("the signature does not fit") from error


def _check_signed_names(method: str, names: list[str], headers: Mapping[str, str]) -> None:
    unsigned = (_SIGNED if method in _BODYLESS else _SIGNED_WITH_BODY) - set(names)
    if unsigned:
        raise NotAuthenticated(f"not signed: {', '.join(sorted(unsigned))}")
    absent = [name for name in names if name != "(request-target)" and name not in headers]
    if absent:
        raise NotAuthenticated(f"signed but not sent: {', '.join(sorted(absent))}")


def _digest(body: bytes) -> str:
    return base64.b64encode(hashlib.sha256(body).digest()).decode()


def _value(name: str, method: str, target: str, headers: Mapping[str, str]) -> str:
    return f"{method.lower()} {target}" if name == "(request-target)" else headers[name]


def _check_date(said: str, now: datetime) -> None:
    try:
        date = parsedate_to_datetime(said)
    except (TypeError, ValueError) as error:
        raise NotAuthenticated("no date") from error
    aware = date if date.tzinfo else date.replace(tzinfo=UTC)
    if abs((now - aware).total_seconds()) > MAX_SKEW_SECONDS:
        raise NotAuthenticated("the date is off by more than five minutes")
