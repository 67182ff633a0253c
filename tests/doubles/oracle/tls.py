"""A listener that speaks TLS and nothing of a database: handshakes are real, then it hangs up.

Its certificates are made on the spot, signed by an authority that no machine trusts.
"""

from __future__ import annotations

import datetime as dt
import socket
import ssl
import threading
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

CONNECT = 1
"""The type of the first packet of Oracle Net, its fifth byte."""


@dataclass(frozen=True)
class Party:
    """A certificate with its private key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    def pem(self, password: str = "") -> bytes:
        """Return certificate and key; the key is encrypted if there is a password."""
        how: KeySerializationEncryption = NoEncryption()
        if password:
            how = BestAvailableEncryption(password.encode())
        return self.public() + self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, how)

    def public(self) -> bytes:
        """Return the certificate."""
        return self.certificate.public_bytes(Encoding.PEM)


def party(name: str, signed_by: Party | None = None, *, days: int = 1) -> Party:
    """Return a new certificate for the host `name`; without `signed_by`, that of an authority.

    It is valid until `days` from now; if that is negative, it has expired.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(signed_by.certificate.subject if signed_by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=9))
        .not_valid_after(now + dt.timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=signed_by is None, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    )
    return Party(built.sign(signed_by.key if signed_by else key, SHA256()), key)


@dataclass
class Listener:
    """Listens on 127.0.0.1. `packets` are the first bytes that clients sent after their handshake.

    Args:
        folder: for its files.
        shown: the certificate that it shows.
        asks: the authority whose certificates clients have to show, if any (mTLS).
        newest: the newest version of TLS that it speaks.
    """

    folder: Path
    shown: Party
    asks: Party | None = None
    newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3
    packets: list[bytes] = field(default_factory=list)

    def __enter__(self) -> Listener:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.maximum_version = self.newest
        (self.folder / "server.pem").write_bytes(self.shown.pem())
        self._context.load_cert_chain(self.folder / "server.pem")
        if self.asks is not None:
            self._context.verify_mode = ssl.CERT_REQUIRED
            self._context.load_verify_locations(cadata=self.asks.public().decode())
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)  # wakes `accept`
        self._socket.close()
        self._thread.join(10)

    @property
    def dsn(self) -> str:
        """The connect string."""
        return f"tcps://localhost:{self._socket.getsockname()[1]}/FREEPDB1"

    def _serve(self) -> None:
        while True:
            try:
                accepted, _ = self._socket.accept()
            except OSError:  # it was closed
                return
            with accepted:
                accepted.settimeout(10)
                try:
                    with self._context.wrap_socket(accepted, server_side=True) as secured:
                        self.packets.append(secured.recv(4096))
                except OSError:  # the handshake failed, which the client tells
                    continue
