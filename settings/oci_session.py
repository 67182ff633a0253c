"""The OCI session: who we are in the tenancy, and the one factory of clients.

Every client has a circuit breaker of its own name (the SDK's default is one for the whole process, so that a storm
of 429 from one service would silence all others), explicit timeouts, and the SDK's retries off: the gateway is the
only owner of retries.
"""

from __future__ import annotations

import base64
import binascii
import difflib
import hashlib
import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from settings.tree import Settings, standard_compartment, standard_oci_file
from state.errors import DependencyUnavailable, SettingsInvalid

Client = TypeVar("Client")

INFERENCE_TEMPLATE = "https://inference.generativeai.{region}.oci.{secondLevelDomain}"
BREAKER_FAILURES, BREAKER_SECONDS = 20, 10
BREAKING_STATUSES: dict[int, list[str]] = {500: [], 502: [], 503: [], 504: []}
"""What opens a breaker. 429 is the rate limiter's: a breaker would turn a short pause into an outage."""

_COMPARTMENT = re.compile(r"ocid1\.(compartment|tenancy)\.[A-Za-z0-9._-]+")
_PRINCIPAL_SECONDS = 5


@dataclass(frozen=True)
class OCISession:
    """Who signs, where, and for which compartment."""

    config: Mapping[str, Any]
    signer: Any
    region: str
    compartment_id: str
    timeout: tuple[float, float]
    inference_endpoint: str

    def client(self, kind: Callable[..., Client], *, name: str, endpoint: str = "") -> Client:
        """Return a synchronous SDK client of class `kind`, with a circuit breaker of its own `name`.

        Args:
            kind: a client class of the SDK.
            name: what the breaker is called; clients of different names never share one.
            endpoint: in place of the region's.
        """
        from oci.retry import NoneRetryStrategy

        chosen = {"service_endpoint": endpoint} if endpoint else {}
        return kind(
            dict(self.config),
            signer=self.signer,
            timeout=self.timeout,
            retry_strategy=NoneRetryStrategy(),
            circuit_breaker_strategy=breaker(name),
            **chosen,
        )

    def regional(self, template: str) -> str:
        """Return the endpoint of `template` (`{region}`, `{secondLevelDomain}`) in the session's region."""
        from oci.regions import endpoint_for

        return str(endpoint_for("sixplane", region=self.region, service_endpoint_template=template))


def breaker(name: str) -> Any:
    """Return the circuit breaker strategy of the client called `name`."""
    from oci.circuit_breaker import CircuitBreakerStrategy

    return CircuitBreakerStrategy(
        name=f"sixplane-{name}",
        failure_threshold=BREAKER_FAILURES,
        recovery_timeout=BREAKER_SECONDS,
        failure_statuses_and_codes=BREAKING_STATUSES,
    )


def open_oci_session(settings: Settings) -> OCISession:
    """Return the session that `settings.oci` asks for.

    Raises:
        SettingsInvalid: a file, key, profile, fingerprint, region or compartment is missing or wrong, or a token has
            expired; the message says which and the hint how to mend it.
        DependencyUnavailable: the metadata service of a principal does not answer.
    """
    config, signer = _AUTHS[settings.oci.auth](settings)
    endpoint = settings.oci.endpoint
    region = settings.oci.region or str(config.get("region") or getattr(signer, "region", "") or "")
    if not endpoint:
        endpoint = _inference_endpoint(region)
    timeout = (settings.oci.connect_timeout_seconds, settings.oci.read_timeout_seconds)
    return OCISession(
        config={**config, **({"region": region} if region else {})},
        signer=signer,
        region=region,
        compartment_id=_compartment(settings),
        timeout=timeout,
        inference_endpoint=endpoint.rstrip("/"),
    )


def _compartment(settings: Settings) -> str:
    found = standard_compartment(settings)
    if not found:
        raise SettingsInvalid("OCI needs a compartment", hint="set SIXPLANE_OCI__COMPARTMENT_ID to its OCID")
    if not _COMPARTMENT.fullmatch(found):
        raise SettingsInvalid(
            "the compartment is no OCID of a compartment or tenancy",
            hint="copy it from the console: it starts with `ocid1.compartment.`",
        )
    return found


def _inference_endpoint(region: str) -> str:
    from oci.regions import REGIONS, endpoint_for, is_region

    if not region:
        raise SettingsInvalid("OCI needs a region", hint="set SIXPLANE_OCI__REGION, for example to us-chicago-1")
    if not is_region(region):
        near = difflib.get_close_matches(region, REGIONS, n=1)
        hint = f"did you mean `{near[0]}`?" if near else "`oci iam region list` lists the regions"
        raise SettingsInvalid(f"there is no region {region!r}", hint=hint)
    return str(endpoint_for("sixplane", region=region, service_endpoint_template=INFERENCE_TEMPLATE))


def _from_file(settings: Settings) -> dict[str, Any]:
    from oci import config as sdk_config
    from oci.exceptions import ConfigFileNotFound, InvalidConfig, ProfileNotFound

    path, profile = standard_oci_file(settings)
    setup = "run `oci setup config`, or set SIXPLANE_OCI__CONFIG_FILE and SIXPLANE_OCI__PROFILE"
    try:
        return dict(sdk_config.from_file(str(path), profile))
    except ConfigFileNotFound as error:
        raise SettingsInvalid(f"there is no OCI configuration file `{path}`", hint=setup) from error
    except ProfileNotFound as error:
        raise SettingsInvalid(f"`{path}` has no profile `{profile}`", hint=setup) from error
    except (InvalidConfig, ValueError) as error:
        raise SettingsInvalid(f"`{path}` cannot be read as an OCI configuration", hint=setup) from error


def _key_file(config: Mapping[str, Any]) -> Path:
    named = config.get("key_file")
    if not named:
        raise SettingsInvalid("the OCI profile names no `key_file`", hint="add `key_file=…` to the profile")
    path = Path(str(named)).expanduser()
    if not path.is_file():
        raise SettingsInvalid(f"there is no private key `{path}`", hint="mend `key_file` in the OCI profile")
    return path


def _private_key(config: Mapping[str, Any]) -> Any:
    from oci.exceptions import InvalidPrivateKey, MissingPrivateKeyPassphrase
    from oci.signer import load_private_key

    path = _key_file(config)
    hint = "mend `key_file` or `pass_phrase` in the OCI profile"
    try:
        return load_private_key(path.read_text(encoding="utf-8"), config.get("pass_phrase"))
    except MissingPrivateKeyPassphrase as error:
        raise SettingsInvalid(f"the private key `{path}` needs a passphrase", hint=hint) from error
    except (InvalidPrivateKey, ValueError) as error:
        raise SettingsInvalid(f"`{path}` is no private key, or its passphrase is wrong", hint=hint) from error


def _api_key(settings: Settings) -> tuple[dict[str, Any], Any]:
    from oci.config import validate_config
    from oci.exceptions import InvalidConfig
    from oci.signer import Signer

    config = _from_file(settings)
    key = _private_key(config)
    try:
        validate_config({**config, "region": config.get("region") or settings.oci.region or "us-chicago-1"})
    except InvalidConfig as error:
        faults = ", ".join(f"`{name}` {fault}" for name, fault in sorted(dict(error.args[0]).items()))
        raise SettingsInvalid(f"the OCI profile does not fit: {faults}", hint="run `oci setup config`") from error
    if fingerprint(key) != str(config["fingerprint"]).lower():
        raise SettingsInvalid(
            "the OCI profile's `fingerprint` is not that of its `key_file`",
            hint="copy the fingerprint from the console's API keys, or point `key_file` at the key that was uploaded",
        )
    signer = Signer(
        tenancy=config["tenancy"],
        user=config["user"],
        fingerprint=config["fingerprint"],
        private_key_file_location=str(_key_file(config)),
        pass_phrase=config.get("pass_phrase"),
    )
    return config, signer


def fingerprint(private_key: Any) -> str:
    """Return the fingerprint under which OCI knows an API key: MD5 of the public key's DER, colon-separated hex."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    der = private_key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.md5(der, usedforsecurity=False).digest().hex(":")


def _security_token(settings: Settings) -> tuple[dict[str, Any], Any]:
    from oci.auth.signers import SecurityTokenSigner

    config = _from_file(settings)
    _, profile = standard_oci_file(settings)
    renew = f"run `oci session authenticate --profile-name {profile}`"
    named = config.get("security_token_file")
    if not named or not Path(str(named)).expanduser().is_file():
        raise SettingsInvalid(f"the OCI profile `{profile}` has no security token file", hint=renew)
    token = Path(str(named)).expanduser().read_text(encoding="utf-8").strip()
    if _expiry(token, renew) <= time.time():
        raise SettingsInvalid("the OCI security token has expired", hint=renew)
    return config, SecurityTokenSigner(token, _private_key(config))


def _expiry(token: str, renew: str) -> float:
    """Return when a session token ends, in seconds since the epoch."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return float(claims["exp"])
    except (LookupError, ValueError, TypeError, binascii.Error) as error:
        raise SettingsInvalid("the OCI security token cannot be read", hint=renew) from error


def _principal(name: str, make: str, hint: str) -> Callable[[Settings], tuple[dict[str, Any], Any]]:
    def signer(_: Settings) -> tuple[dict[str, Any], Any]:
        from oci.auth import signers

        options = {"timeout": (_PRINCIPAL_SECONDS, _PRINCIPAL_SECONDS)} if name == "instance principal" else {}
        try:
            return {}, getattr(signers, make)(**options)
        except Exception as error:  # the SDK raises bare exceptions of many kinds here: each is told, with its remedy
            raise DependencyUnavailable(
                f"the {name} gives no credentials: {type(error).__name__}", hint=hint
            ) from error

    return signer


_AUTHS: dict[str, Callable[[Settings], tuple[dict[str, Any], Any]]] = {
    "api_key": _api_key,
    "security_token": _security_token,
    "instance_principal": _principal(
        "instance principal",
        "InstancePrincipalsSecurityTokenSigner",
        "run on an OCI instance that belongs to a dynamic group, or set SIXPLANE_OCI__AUTH=api_key",
    ),
    "resource_principal": _principal(
        "resource principal",
        "get_resource_principals_signer",
        "run inside an OCI resource (function, job, container instance), or set SIXPLANE_OCI__AUTH=api_key",
    ),
    "oke_workload_identity": _principal(
        "OKE workload identity",
        "get_oke_workload_identity_resource_principal_signer",
        "run in a pod of an enhanced OKE cluster with a service account, or set SIXPLANE_OCI__AUTH=api_key",
    ),
}
