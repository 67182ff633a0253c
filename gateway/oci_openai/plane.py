"""The entry point to OCI's models on OpenAI's APIs: which endpoint a model has, and how its requests are let in."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from langchain_core.language_models import BaseChatModel
from pydantic import SecretStr

from gateway.catalog import ModelEntry
from gateway.catalog.compatible import OCI_DEPLOYMENT, OCI_OPENAI, RESPONSES
from gateway.oci_openai.failures import FailureTable, nothing_known
from gateway.openai.endpoint import NO_KEY, Endpoint
from state.errors import ModelUnknown, SettingsInvalid

if TYPE_CHECKING:
    import httpx

    from settings import Settings
    from settings.connections.oci_session import OCISession

COMPARTMENT, PROJECT, STORE = "opc-compartment-id", "OpenAI-Project", "opc-conversation-store-id"
"""Headers of the endpoint of Generative AI."""

_ORGANIZATION = "OpenAI-Organization"
"""The SDK of OpenAI sends this and `PROJECT` from `OPENAI_ORG_ID` and `OPENAI_PROJECT_ID`, an account that OCI must not
learn of and does not know."""

_DEPLOYMENT_PATHS = {True: "predictWithResponseStream", False: "predict"}


class CompatiblePlane(Protocol):
    """Makes chat models of OCI on OpenAI's APIs. A port, so that tests can supply their own."""

    def chat_model(self, entry: ModelEntry) -> BaseChatModel:
        """Return the model of `entry`."""
        ...


class CompatibleModels:
    """The models of one process; those of one endpoint share its connections.

    Args:
        settings: the configuration.
        session: signs requests; `None` where a key lets them in.
        key: a Generative AI API key, empty where requests are signed.
    """

    def __init__(self, settings: Settings, session: OCISession | None, key: str = "") -> None:
        self._settings, self._session, self._key = settings, session, key
        self._endpoints: dict[str, Endpoint] = {}

    def chat_model(self, entry: ModelEntry) -> BaseChatModel:
        """Return the model of `entry`.

        Raises:
            ModelUnknown: no deployment of that name is declared.
            SettingsInvalid: the region of the endpoint is not known.
        """
        name = entry.id.partition(":")[2]
        if entry.provider == OCI_DEPLOYMENT:
            deployments = self._settings.oci.deployments
            if name not in deployments:
                raise ModelUnknown(f"there is no deployment {name!r}", hint=f"declare `[oci.deployments.{name}]`")
            return self._kept(entry.id, lambda: self._deployment(name)).chat_model(deployments[name].model)
        where = f"{OCI_OPENAI}:{entry.api_format}"
        return self._kept(where, lambda: self._generative_ai(entry.api_format)).chat_model(name, entry.api_format)

    def stores(self) -> Endpoint:
        """Return the endpoint that serves vector stores. Raises `SettingsInvalid` without a region."""
        return self._kept(f"{OCI_OPENAI}:{RESPONSES}", lambda: self._generative_ai(RESPONSES))

    def described(self) -> str:
        """Return where requests go to, and what lets them in. Raises `SettingsInvalid` without a region."""
        let_in = "an API key" if self._key else f"signatures ({self._settings.oci.auth})"
        return f"{self._base_url()} with {let_in}, on {self._settings.oci.openai.surface} APIs"

    async def aclose(self) -> None:
        """Close the connections of the running loop."""
        for endpoint in self._endpoints.values():
            await endpoint.aclose()

    def _kept(self, key: str, make: Callable[[], Endpoint]) -> Endpoint:
        if key not in self._endpoints:
            self._endpoints[key] = make()
        return self._endpoints[key]

    def _generative_ai(self, api_format: str) -> Endpoint:
        from gateway.openai.client import LoopClient

        openai, failures = self._settings.oci.openai, self._failures(keyed=bool(self._key))
        store = openai.conversation_store_id if api_format == RESPONSES else ""
        # A project belongs to a compartment and takes its place: Oracle's examples send either.
        compartment = "" if openai.project_id else self._compartment()
        headers = {COMPARTMENT: compartment, PROJECT: openai.project_id, STORE: store}
        foreign = (_ORGANIZATION,) if openai.project_id else (_ORGANIZATION, PROJECT)
        return Endpoint(
            base_url=self._base_url(),
            client=LoopClient(None if self._key else self._signed, dropped=foreign),
            timeout=self._timeout(),
            key=SecretStr(self._key) if self._key else NO_KEY,
            headers={name: value for name, value in headers.items() if value},
            stream=openai.stream,
            store=bool(store or openai.store),
            address_hint=failures.address_hint,
            failure_of=failures,
        )

    def _deployment(self, name: str) -> Endpoint:
        from gateway.openai.client import LoopClient

        deployment, failures = self._settings.oci.deployments[name], self._failures(deployment=name)
        return Endpoint(
            base_url=f"{deployment.endpoint}/{_DEPLOYMENT_PATHS[deployment.stream]}/v1",
            client=LoopClient(self._signed, dropped=(_ORGANIZATION, PROJECT)),
            timeout=self._timeout(),
            stream=deployment.stream,
            address_hint=failures.address_hint,
            failure_of=failures,
        )

    def _failures(self, *, keyed: bool = False, deployment: str = "") -> FailureTable:
        session = self._session.refused if self._session else nothing_known
        return FailureTable(keyed=keyed, deployment=deployment, session=session)

    def _base_url(self) -> str:
        given = self._settings.oci.openai.base_url
        if given:
            return given.rstrip("/")
        if self._session is not None:
            return f"{self._session.inference_endpoint}/openai/v1"
        from settings.connections.oci_session import inference_endpoint

        return f"{inference_endpoint(self._settings)}/openai/v1"

    def _compartment(self) -> str:
        """Return the compartment; none is needed with a key, which belongs to one."""
        from settings.tree import standard_compartment

        return standard_compartment(self._settings) if self._session is None else self._session.compartment_id

    def _timeout(self) -> httpx.Timeout:
        import httpx

        oci = self._settings.oci
        return httpx.Timeout(oci.read_timeout_seconds, connect=oci.connect_timeout_seconds)

    @cached_property
    def _signed(self) -> httpx.Auth:
        from settings.connections.signing import SignedRequests

        if self._session is None:
            raise SettingsInvalid(
                "signed requests need a session of OCI",
                hint="see docs/oci.md#authentication, and set SIXPLANE_OCI__AUTH",
            )
        return SignedRequests(self._session.signer)


def open_compatible(settings: Settings, session: OCISession | None) -> CompatibleModels | None:
    """Return the models that `settings` configure, `None` if they configure none. Blocks: it may ask OCI Vault.

    Raises:
        DependencyUnavailable: OCI Vault does not return the key.
    """
    key = settings.oci.openai.api_key.get_secret_value()
    if session is None and not key:
        return None
    secret_id = settings.oci.openai.api_key_secret_id
    if secret_id and not key and session is not None:
        from settings.connections.vault import read_secret

        key = read_secret(settings, session, secret_id, "API key of Generative AI").strip()
    return CompatibleModels(settings, session, key)
