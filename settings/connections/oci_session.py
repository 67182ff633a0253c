"""The OCI session: credentials, region and compartment, and the only factory of SDK clients.

Every client has explicit timeouts and a circuit breaker with its own name. The SDK's default breaker is shared by the
whole process: ten responses 429 from one service would block all services for 30 seconds. The SDK's retries are off,
because the gateway retries, and the SDK never reads `Retry-After`.
"""

from __future__ import annotations

import configparser
import difflib
import hashlib
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from settings.tree import Settings, standard_compartment, standard_oci_file
from state.errors import DependencyUnavailable, SettingsInvalid

if TYPE_CHECKING:
    from settings.connections.session_token import SessionToken

Client = TypeVar("Client")

INFERENCE_TEMPLATE = "https://inference.generativeai.{region}.oci.{secondLevelDomain}"
BREAKER_FAILURES, BREAKER_SECONDS = 20, 10
"""Chosen values. The SDK's breaker opens after 10 failures and for 30 s; ours opens later and closes earlier."""
BREAKING_STATUSES: dict[int, list[str]] = {500: [], 502: [], 503: [], 504: []}
"""Statuses that open a breaker. Not 429: the rate limiter handles it, and a breaker would prolong a short pause."""

_COMPARTMENT = re.compile(r"ocid1\.(compartment|tenancy)\.[A-Za-z0-9._-]+")
_SETUP = "run `oci setup config`, or set SIXPLANE_OCI__CONFIG_FILE and SIXPLANE_OCI__PROFILE"
PRINCIPAL_SECONDS = 10.0
"""Time limit for a principal's credentials. The SDK tries for up to three minutes and accepts no timeout."""


@dataclass(frozen=True)
class OCISession:
    """The signer, region, compartment and timeouts that all clients share."""

    config: Mapping[str, Any] = field(repr=False)
    signer: Any = field(repr=False)
    region: str
    compartment_id: str
    timeout: tuple[float, float]
    inference_endpoint: str

    def client(self, kind: Callable[..., Client], *, name: str, endpoint: str = "") -> Client:
        """Return a synchronous SDK client of class `kind`, with a circuit breaker of its own `name`.

        Args:
            kind: a client class of the SDK.
            name: the breaker's name; clients with different names never share a breaker.
            endpoint: replaces the endpoint of the region.
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

    def refused(self) -> tuple[str, str]:
        """Return why the service may have answered 401, and the remedy: two empty texts unless a token signs."""
        told = getattr(self.signer, "refused", None)
        found: tuple[str, str] = told() if told else ("", "")
        return found

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
    """Return the session that `settings.oci` configures.

    Raises:
        SettingsInvalid: a file, key, profile, fingerprint, region or compartment is missing or wrong, or a token has
            expired; the message names it and the hint says how to correct it.
        DependencyUnavailable: the metadata service of a principal does not answer.
    """
    config, signer = _AUTHS[settings.oci.auth](settings)
    region = _region(settings.oci.region or str(config.get("region") or getattr(signer, "region", "") or ""))
    timeout = (settings.oci.connect_timeout_seconds, settings.oci.read_timeout_seconds)
    return OCISession(
        config={**config, "region": region},
        signer=signer,
        region=region,
        compartment_id=_compartment(settings),
        timeout=timeout,
        inference_endpoint=inference_endpoint(settings, region),
    )


def inference_endpoint(settings: Settings, region: str = "") -> str:
    """Return the endpoint of Generative AI inference: that of the settings, else that of the region.

    Args:
        settings: their endpoint and region come first.
        region: its identifier, if the session knows it.

    Raises:
        SettingsInvalid: the region is missing or unknown.
    """
    endpoint = settings.oci.endpoint or _inference_endpoint(region or _region(settings.oci.region))
    return endpoint.rstrip("/")


def _compartment(settings: Settings) -> str:
    found = standard_compartment(settings)
    if not found:
        raise SettingsInvalid("OCI needs a compartment", hint="set SIXPLANE_OCI__COMPARTMENT_ID to its OCID")
    if not _COMPARTMENT.fullmatch(found):
        raise SettingsInvalid(
            "the compartment is not the OCID of a compartment or tenancy",
            hint="copy it from the console: it starts with `ocid1.compartment.`",
        )
    return found


def _region(named: str) -> str:
    """Return the region's identifier; `named` may be its short name, for example `ord` for `us-chicago-1`."""
    from oci.regions import get_region_from_short_name

    if not named:
        raise SettingsInvalid("OCI needs a region", hint="set SIXPLANE_OCI__REGION, for example to us-chicago-1")
    return str(get_region_from_short_name(named.strip().lower()))


def _inference_endpoint(region: str) -> str:
    from oci.regions import REGIONS, endpoint_for, is_region

    if not is_region(region):
        near = difflib.get_close_matches(region, REGIONS, n=1)
        hint = f"did you mean `{near[0]}`?" if near else "`oci iam region list` lists the regions"
        raise SettingsInvalid(f"there is no region {region!r}", hint=hint)
    return str(endpoint_for("sixplane", region=region, service_endpoint_template=INFERENCE_TEMPLATE))


def _from_file(settings: Settings) -> dict[str, Any]:
    from oci import config as sdk_config
    from oci.exceptions import ClientError, ConfigFileNotFound, InvalidKeyFilePath, ProfileNotFound

    path, profile = standard_oci_file(settings)
    try:
        return dict(sdk_config.from_file(str(path), profile))
    except ConfigFileNotFound:
        what, hint = f"there is no OCI configuration file `{path}` that can be read", _SETUP
    except ProfileNotFound:
        what, hint = f"`{path}` has no profile `{profile}`", _SETUP
    except InvalidKeyFilePath:
        what = f"there is no private key where the profile `{profile}` names it"
        hint = f"correct `key_file` in `{path}`"
    except (ClientError, ValueError, configparser.Error) as error:
        what = f"`{path}` cannot be read as an OCI configuration: {type(error).__name__}"
        hint = "correct it: `[PROFILE]` lines and `name=value` lines, each name once, and no `key_content`"
    raise SettingsInvalid(
        what, hint=hint
    )  # without `from error`: the parser's error quotes lines, which may contain passphrases


def _key_file(config: Mapping[str, Any]) -> Path:
    named = config.get("key_file")
    if not named:
        raise SettingsInvalid("the OCI profile names no `key_file`", hint="add `key_file=…` to the profile")
    path = Path(str(named)).expanduser()
    if not path.is_file():
        raise SettingsInvalid(f"there is no private key `{path}`", hint="correct `key_file` in the OCI profile")
    return path


def _private_key(config: Mapping[str, Any]) -> Any:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from oci.exceptions import InvalidPrivateKey, MissingPrivateKeyPassphrase
    from oci.signer import load_private_key

    path = _key_file(config)
    hint = "correct `key_file` or `pass_phrase` in the OCI profile"
    text = _text_of(path, "private key", hint)
    try:
        key = load_private_key(text, config.get("pass_phrase"))
    except MissingPrivateKeyPassphrase:
        what = f"the private key `{path}` needs a passphrase"
    except (InvalidPrivateKey, ValueError):
        what = f"`{path}` is not a private key in PEM format, or its passphrase is wrong"
    else:
        if isinstance(key, RSAPrivateKey):
            return key
        what = f"the private key `{path}` is not an RSA key"
    raise SettingsInvalid(what, hint=hint)


def _text_of(path: Path, what: str, hint: str) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except UnicodeError:
        raise SettingsInvalid(f"the {what} `{path}` is not a text file", hint=hint) from None
    except OSError as error:
        raise SettingsInvalid(f"the {what} `{path}` cannot be read: {error.strerror}", hint=hint) from error


def _api_key(settings: Settings) -> tuple[dict[str, Any], Any]:
    from oci.signer import Signer

    config = _from_file(settings)
    _check_profile(config)
    key = _private_key(config)
    if fingerprint(key) != config["fingerprint"]:
        raise SettingsInvalid(
            "the OCI profile's `fingerprint` does not belong to its `key_file`",
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


def _check_profile(config: Mapping[str, Any]) -> None:
    """Raise `SettingsInvalid` for a profile without an API key; the message names each missing or malformed entry."""
    from oci.config import PATTERNS

    if "authentication_type" in config:
        raise SettingsInvalid(
            "the OCI profile has an `authentication_type`, so it is not a profile with an API key",
            hint="remove the entry, or set SIXPLANE_OCI__AUTH to that type",
        )
    faults = {name: "malformed" for name, pattern in PATTERNS.items() if not pattern.match(config.get(name) or "")}
    faults |= {name: "missing" for name in (*PATTERNS, "key_file") if not config.get(name)}
    if not faults:
        return
    told = ", ".join(f"`{name}` is {fault}" for name, fault in sorted(faults.items()))
    token = "security_token_file" in config
    hint = "set SIXPLANE_OCI__AUTH=security_token: it is a session profile" if token else "run `oci setup config`"
    raise SettingsInvalid(f"the OCI profile is not valid: {told}", hint=hint)


def fingerprint(private_key: Any) -> str:
    """Return the fingerprint under which OCI knows an API key: MD5 of the public key's DER, colon-separated hex."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    der = private_key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.md5(der, usedforsecurity=False).digest().hex(":")


def _security_token(settings: Settings) -> tuple[dict[str, Any], Any]:
    from settings.connections.session_token import SessionTokenSigner

    config = _from_file(settings)
    _, profile = standard_oci_file(settings)
    renew = (
        f"run `oci session refresh --profile {profile}`, or `oci session authenticate --profile-name {profile}` once "
        "the token has expired"
    )

    def read() -> SessionToken:
        return _session_token(_from_file(settings), profile, renew)

    token = _session_token(config, profile, renew)
    if token.expired:
        raise SettingsInvalid("the OCI security token has expired", hint=renew)
    return config, SessionTokenSigner(token, read, renew)


def _session_token(config: Mapping[str, Any], profile: str, renew: str) -> SessionToken:
    from settings.connections.session_token import SessionToken

    named = config.get("security_token_file")
    if not named or not Path(str(named)).expanduser().is_file():
        raise SettingsInvalid(f"the OCI profile `{profile}` has no security token file", hint=renew)
    text = _text_of(Path(str(named)).expanduser(), "security token file", renew)
    expires = _expiry(text, renew)
    return SessionToken(text, _private_key(config), expires)


def _expiry(token: str, renew: str) -> float:
    """Return the expiry of a session token, in seconds since the epoch."""
    from settings.connections.session_token import expiry_of

    try:
        return expiry_of(token)
    except ValueError:
        raise SettingsInvalid("the OCI security token cannot be read", hint=renew) from None


def _principal(name: str, make: str, hint: str) -> Callable[[Settings], tuple[dict[str, Any], Any]]:
    def signer(_: Settings) -> tuple[dict[str, Any], Any]:
        from oci.auth import signers

        found, failed = _within(PRINCIPAL_SECONDS, getattr(signers, make))
        if found is None:
            what = type(failed).__name__ if failed else f"no answer in {PRINCIPAL_SECONDS:g} seconds"
            raise DependencyUnavailable(f"the {name} provides no credentials: {what}", hint=hint) from failed
        return {}, found

    return signer


def _within(seconds: float, make: Callable[[], Any]) -> tuple[Any, Exception | None]:
    """Return what `make` returns or raises; neither if it takes longer than `seconds`."""
    # A daemon thread, because the SDK's call cannot be cancelled: it ends on its own, or with the process.
    found: list[Any] = []
    failed: list[Exception] = []

    def run() -> None:
        try:
            found.append(make())
        except Exception as error:  # noqa: BLE001 - the SDK raises bare exceptions of many kinds here
            failed.append(error)

    worker = threading.Thread(target=run, name="sixplane-principal", daemon=True)
    worker.start()
    worker.join(seconds)
    return (found[0] if found else None), (failed[0] if failed else None)


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
