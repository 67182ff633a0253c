"""Signatures of bundles: Ed25519 over the manifest, which has the hash of every other member.

Make a key with `openssl genpkey -algorithm ed25519 -out key.pem`, and its public half with `openssl pkey -pubout`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from experience.bundle.values import Manifest, written
from state.errors import BadInput
from state.values import Value

_PURPOSE = b"sixplane evidence bundle\n"
"""Signed before the manifest: with it, the key cannot be made to sign anything else."""

_MOST_BYTES = 64 * 1024
_PRIVATE = "give a private key in PEM without a password: `openssl genpkey -algorithm ed25519 -out key.pem`"
_PUBLIC = "give a public key in PEM: `openssl pkey -in key.pem -pubout -out key.pub.pem`"


class Signature(Value):
    """A signature in hex digits, and the key that made it."""

    algorithm: Literal["Ed25519"] = "Ed25519"
    public_key: str
    signature: str


def private_key(path: Path) -> Ed25519PrivateKey:
    """Return the key with which bundles are signed. Raises `BadInput` if the file has none."""
    try:
        key = load_pem_private_key(_content(path, _PRIVATE), None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:  # a TypeError: it has a password
        raise BadInput("the file of the key to sign with has no private key that can be read", hint=_PRIVATE) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise BadInput("the key to sign with is not an Ed25519 key", hint=_PRIVATE)
    return key


def public_key(path: Path) -> str:
    """Return the key of a sender as hex digits. Raises `BadInput` if the file has none."""
    try:
        key = load_pem_public_key(_content(path, _PUBLIC))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise BadInput("the file of the public key has none that can be read", hint=_PUBLIC) from error
    if not isinstance(key, Ed25519PublicKey):
        raise BadInput("the public key is not an Ed25519 key", hint=_PUBLIC)
    return _hex(key)


def signer_of(key: Ed25519PrivateKey | None) -> str:
    """Return what the manifest names as the signer: the public key as hex digits, empty without a key."""
    return _hex(key.public_key()) if key else ""


def sign(manifest: Manifest, key: Ed25519PrivateKey) -> Signature:
    """Return the signature of a manifest. The same key and manifest give the same one."""
    signature = key.sign(_PURPOSE + written(manifest))
    return Signature(public_key=signer_of(key), signature=signature.hex())


def is_signed(manifest: Manifest, given: Signature) -> bool:
    """Return whether a signature is one of this manifest, by the key that the manifest names."""
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(given.public_key))
        key.verify(bytes.fromhex(given.signature), _PURPOSE + written(manifest))
    except (ValueError, InvalidSignature):
        return False
    return manifest.signer == given.public_key


def _hex(key: Ed25519PublicKey) -> str:
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw).hex()


def _content(path: Path, hint: str) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_MOST_BYTES)
    except OSError as error:
        raise BadInput(f"the file of the key cannot be read: {error.strerror}", hint=hint) from error
