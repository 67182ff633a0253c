"""TLS to Oracle Database: the certificates that are trusted, and the wallet with which this side proves who it is.

- **One-way TLS** (no wallet): the server shows a certificate. It is checked against the authorities of this machine, or
  of `oracle.ca_file`, and by name. An Autonomous Database offers it where its access control list names this machine.
- **mTLS**: a wallet has a certificate of the client too, in `ewallet.pem`. The driver's thin mode reads no other file
  of it.
"""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

from settings.oracle import OracleSettings
from state.errors import SettingsInvalid


def tls_arguments(oracle: OracleSettings) -> dict[str, Any]:
    """Return the driver's arguments for wallet and certificates.

    Raises:
        SettingsInvalid: `ca_file` is missing or holds no certificates; the password does not open the wallet.
    """
    password = oracle.wallet_password.get_secret_value()
    found: dict[str, Any] = {}
    if oracle.config_dir or oracle.wallet_location:
        found["config_dir"] = str(oracle.config_dir or oracle.wallet_location)
    if oracle.wallet_location:
        _check_wallet(oracle.wallet_location, password)
        found["wallet_location"] = str(oracle.wallet_location)
    if password:
        found["wallet_password"] = password
    if oracle.ca_file:
        found["ssl_context"] = _trusting(oracle)
    return found


def _check_wallet(wallet: Path, password: str) -> None:
    """Check that the password opens the wallet's key.

    The driver passes over a key that it cannot open, and without a password OpenSSL asks for it on the terminal.
    """
    pem = wallet / "ewallet.pem"
    if not pem.is_file() or b"PRIVATE KEY" not in pem.read_bytes():
        return  # the driver tells a missing file; a wallet of authorities alone has no key
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(pem, password=lambda: password)
    except ssl.SSLError as error:
        raise SettingsInvalid(
            f"the private key in `{pem}` cannot be opened{'' if password else ': it has a password'}",
            hint="set SIXPLANE_ORACLE__WALLET_PASSWORD to the password that was chosen when the wallet was downloaded",
        ) from error


def _trusting(oracle: OracleSettings) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=str(oracle.ca_file))
    except OSError as error:  # `ssl.SSLError` is one
        reason = "holds no certificates in PEM format" if isinstance(error, ssl.SSLError) else "cannot be read"
        raise SettingsInvalid(
            f"`{oracle.ca_file}` {reason}", hint="correct SIXPLANE_ORACLE__CA_FILE, see docs/oracle.md"
        ) from error
