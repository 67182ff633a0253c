"""Secrets in OCI Vault."""

from __future__ import annotations

import base64

from settings.connections.oci_session import OCISession
from settings.tree import Settings
from state.errors import DependencyUnavailable


def read_secret(settings: Settings, session: OCISession, secret_id: str, what: str) -> str:
    """Return the current version of a secret. Blocks.

    Args:
        settings: they may name another endpoint of Vault.
        session: signs the request.
        secret_id: OCID of the secret.
        what: what it holds, for the error.

    Raises:
        DependencyUnavailable: OCI Vault cannot be reached, or does not return the secret.
    """
    from oci.exceptions import ConnectTimeout, RequestException, ServiceError
    from oci.secrets import SecretsClient

    client = session.client(SecretsClient, name="vault", endpoint=settings.oci.vault_endpoint)
    try:
        bundle = client.get_secret_bundle(secret_id)
    except ServiceError as error:
        raise DependencyUnavailable(
            f"OCI Vault does not return the {what}: it answered {error.status}",
            hint="the policy `allow group … to read secret-family in compartment …` is needed; check the secret's OCID",
        ) from error
    except (ConnectTimeout, RequestException) as error:
        raise DependencyUnavailable(
            f"OCI Vault does not return the {what}: it cannot be reached",
            hint="check the network, the proxy, SIXPLANE_OCI__REGION and SIXPLANE_OCI__VAULT_ENDPOINT",
        ) from error
    return base64.b64decode(bundle.data.secret_bundle_content.content).decode()
