"""Database tokens of IAM: a login to Oracle Database without a password.

The driver has a plug-in for this (`oracledb.plugins.oci_tokens`). Here the token is asked for with the session that
signs all other calls to OCI: with its region, its time limits and errors of our own, also in a pod of OKE, whose
identity the plug-in does not know. The plug-in asks without a time limit, and makes a new key for each token.
"""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import Any

from settings.connections.oci_session import OCISession, open_oci_session
from settings.connections.session_token import expiry_of
from settings.tree import Settings
from state.errors import DependencyUnavailable

SPARE_SECONDS = 60
"""A token is replaced so long before it expires, which is after an hour. A chosen value."""

KEY_BITS = 2048
"""The size of the key that proves who holds the token."""

_POLICY = (
    "the policy `allow … to use database-connections in compartment …` is needed, and a database user that is "
    "`IDENTIFIED GLOBALLY` and mapped to this identity, see docs/oracle.md"
)


class DatabaseTokens:
    """Issues tokens. The driver calls it whenever it opens a connection; it may be called from several threads.

    Args:
        session: signs the requests.
        settings: the scope of the tokens, the endpoint and the time limits.
    """

    def __init__(self, session: OCISession, settings: Settings) -> None:
        oracle = settings.oracle
        limits = (oracle.connect_timeout_seconds, oracle.acquire_timeout_seconds)
        # The driver calls from the event loop, which would stand still for as long as IAM does not answer.
        self._session = replace(session, timeout=limits)
        self._scope, self._endpoint = oracle.token_scope, oracle.token_endpoint
        self._lock = threading.Lock()
        self._private, self._public = _key_pair()
        self._token, self._expires = "", 0.0

    def __call__(self, refresh: bool = False) -> tuple[str, str]:
        """Return a token and the private key that belongs to it, in PEM format. Blocks.

        Args:
            refresh: the driver says that the last token is no longer accepted.

        Raises:
            DependencyUnavailable: IAM cannot be reached, or issues no token.
        """
        with self._lock:
            if refresh or self._expires - SPARE_SECONDS <= time.time():
                self._token = self._issued()
                self._expires = _expiry(self._token)
            return self._token, self._private

    def _issued(self) -> str:
        from oci.exceptions import ConnectTimeout, RequestException, ServiceError
        from oci.identity_data_plane import DataplaneClient
        from oci.identity_data_plane.models import GenerateScopedAccessTokenDetails

        client = self._session.client(DataplaneClient, name="database-tokens", endpoint=self._endpoint)
        asked = GenerateScopedAccessTokenDetails(scope=self._scope, public_key=self._public)
        try:
            return str(client.generate_scoped_access_token(asked).data.token)
        except ServiceError as error:
            why, remedy = self._session.refused() if error.status == 401 else ("", "")
            what = f"IAM issues no database token: {why or f'it answered {error.status}'}"
            raise DependencyUnavailable(what, hint=remedy or _POLICY) from error
        except (ConnectTimeout, RequestException) as error:
            raise DependencyUnavailable(
                "IAM issues no database token: it cannot be reached",
                hint="check the network, the proxy, SIXPLANE_OCI__REGION and SIXPLANE_ORACLE__TOKEN_ENDPOINT",
            ) from error


def open_tokens(settings: Settings) -> DatabaseTokens:
    """Return what issues tokens, with a first one, so that what is wrong is told before the driver asks. Blocks.

    Raises:
        SettingsInvalid: the section `oci` is incomplete or wrong.
        DependencyUnavailable: as `DatabaseTokens`.
    """
    tokens = DatabaseTokens(open_oci_session(settings), settings)
    tokens()
    return tokens


def _key_pair() -> tuple[str, str]:
    """Return a new private and public key in PEM format."""
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

    key: Any = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public.decode()


def _expiry(token: str) -> float:
    try:
        return expiry_of(token)
    except ValueError:
        raise DependencyUnavailable(
            "IAM's database token cannot be read", hint="check SIXPLANE_ORACLE__TOKEN_ENDPOINT"
        ) from None
