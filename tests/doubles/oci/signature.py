"""OCI's request signatures (draft-cavage HTTP signatures, `rsa-sha256`), verified without the SDK."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

MAX_SKEW_SECONDS = 300
_SIGNED = {"GET": {"date", "(request-target)", "host"}}
_SIGNED_WITH_BODY = {"date", "(request-target)", "host", "content-length", "content-type", "x-content-sha256"}
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


def check_signature(
    method: str, target: str, headers: Mapping[str, str], body: bytes, key: rsa.RSAPublicKey, key_ids: set[str]
) -> None:
    """Raise `NotAuthenticated` unless a request is signed by `key` under one of `key_ids`, whole and in time."""
    said = headers.get("authorization", "")
    fields = dict(_FIELD.findall(said))
    if not said.startswith("Signature ") or fields.get("algorithm") != "rsa-sha256":
        raise NotAuthenticated("no rsa-sha256 signature")
    if fields.get("keyId") not in key_ids:
        raise NotAuthenticated("unknown key")
    names = fields.get("headers", "").split()
    missing = _SIGNED.get(method, _SIGNED_WITH_BODY) - set(names)
    if missing:
        raise NotAuthenticated(f"not signed: {', '.join(sorted(missing))}")
    _check_date(headers.get("date", ""))
    if method != "GET" and base64.b64encode(hashlib.sha256(body).digest()).decode() != headers.get("x-content-sha256"):
        raise NotAuthenticated("the body is not the one that was signed")
    text = "\n".join(f"{name}: {_value(name, method, target, headers)}" for name in names)
    try:
        signature = base64.b64decode(fields.get("signature", ""), validate=True)
        key.verify(signature, text.encode(), padding.PKCS1v15(), hashes.SHA256())
    except (InvalidSignature, ValueError) as error:
        raise NotAuthenticated("the signature does not fit") from error


def _value(name: str, method: str, target: str, headers: Mapping[str, str]) -> str:
    return f"{method.lower()} {target}" if name == "(request-target)" else headers.get(name, "")


def _check_date(said: str) -> None:
    try:
        date = parsedate_to_datetime(said)
    except (TypeError, ValueError) as error:
        raise NotAuthenticated("no date") from error
    aware = date if date.tzinfo else date.replace(tzinfo=UTC)
    if abs((datetime.now(UTC) - aware).total_seconds()) > MAX_SKEW_SECONDS:
        raise NotAuthenticated("the date is off by more than five minutes")
