"""An OCI configuration written into a folder, whole or with a fault, and the session opened from it."""

from __future__ import annotations

import base64
import json
import time
import traceback
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from settings import load_settings
from settings.connections.oci_session import OCISession, open_oci_session
from state.errors import SixplaneError
from tests.doubles.oci.server import COMPARTMENT, REGION, TENANCY, USER
from tests.doubles.oci.signature import fingerprint_of, pem_of, throw_away_key

PASSPHRASE = "correct-horse-battery"
OTHER_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
KEY = throw_away_key()


def part(claims: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")


def token(seconds: float, **claims: object) -> str:
    return f"{part({'alg': 'RS256'})}.{part({'exp': time.time() + seconds, **claims})}.c2lnbmF0dXJl"


TOKEN = token(3600, sub="whoever")
EXPIRED = token(-1)


def encrypted(passphrase: str) -> str:
    sealed = BestAvailableEncryption(passphrase.encode())
    return KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, sealed).decode()


def public() -> str:
    return KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def elliptic() -> str:
    curve = ec.generate_private_key(ec.SECP256R1())
    return curve.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@dataclass
class Files:
    """An OCI configuration in a folder. An entry that is `None` is left out; `ini` goes in place of everything."""

    folder: Path
    entries: dict[str, str | None] = field(default_factory=dict)
    profile: str = "DEFAULT"
    key: str | bytes = pem_of(KEY)
    token: str | bytes = ""
    ini: str = ""

    @property
    def config(self) -> Path:
        return self.folder / "config"

    def write(self) -> Files:
        self.folder.mkdir(parents=True, exist_ok=True)
        pem, session = self.folder / "key.pem", self.folder / "token"
        pem.write_bytes(self.key if isinstance(self.key, bytes) else self.key.encode())
        if self.token:
            session.write_bytes(self.token if isinstance(self.token, bytes) else self.token.encode())
        entries: dict[str, str | None] = {
            "tenancy": TENANCY,
            "user": USER,
            "fingerprint": fingerprint_of(KEY),
            "region": REGION,
            "key_file": str(pem),
            **({"security_token_file": str(session)} if self.token else {}),
            **self.entries,
        }
        lines = [f"{name}={value}" for name, value in entries.items() if value is not None]
        self.config.write_text(self.ini or "\n".join([f"[{self.profile}]", *lines, ""]), encoding="utf-8")
        return self


def opened(files: Files, **oci: object) -> OCISession:
    return open_oci_session(load_settings(oci={"config_file": files.config, "compartment_id": COMPARTMENT, **oci}))


def everything(error: BaseException) -> str:
    """Return all that a user could get to see of an error, with `--debug` too."""
    hint = error.hint if isinstance(error, SixplaneError) else ""
    return "\n".join([hint, repr(error), *traceback.format_exception(error)])
