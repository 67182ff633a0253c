"""OCI's `applyGuardrails` through the SDK's asynchronous client, charged like every call.

`OCIGuardrails` of langchain-oci 0.4.0 is not used: it has no asynchronous path, bypasses callbacks, and omits the
categories and types that the service's reference requires. The scores are judged in `policy`, which receives an
`OCIGuardrailCalls` as a function.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from oci.generative_ai_inference import models as wire

from gateway.catalog import ModelEntry
from gateway.governor import Governor
from gateway.metering import input_usage
from gateway.oci.answers import GuardrailAnswer, plain, read
from gateway.planned_call import unmemoised_call
from settings.connections.oci_inference import InferenceClients
from settings.tree import OCISettings

CATEGORIES = ("OVERALL", "BLOCKLIST")


class OCIGuardrailCalls:
    """Checks one text with the service."""

    def __init__(self, clients: InferenceClients, governor: Governor, entry: ModelEntry, settings: OCISettings) -> None:
        self._clients, self._governor, self._entry, self._settings = clients, governor, entry, settings

    async def __call__(self, text: str) -> Mapping[str, Any]:
        """Return the service's `results` for `text`.

        Raises:
            ModelUnavailable: the service did not answer.
            CredentialsRefused: it does not accept the credentials.
            ModelOutputInvalid: its answer is malformed.
            BudgetExceeded: a limit does not cover the call.
        """
        most = input_usage(self._entry, [text])
        return await self._governor.call(
            unmemoised_call("guard", self._entry, most, lambda: self._ask(text), lambda _: most, [text])
        )

    async def _ask(self, text: str) -> Mapping[str, Any]:
        data, _ = await self._clients.call("apply_guardrails", self._entry.id, self._details(text))
        return plain(read(GuardrailAnswer, data).results)

    def _details(self, text: str) -> Any:
        configs = wire.GuardrailConfigs(
            content_moderation_config=wire.ContentModerationConfiguration(categories=list(CATEGORIES)),
            personally_identifiable_information_config=wire.PersonallyIdentifiableInformationConfiguration(
                types=list(self._settings.guardrail_pii)
            ),
            prompt_injection_config=wire.PromptInjectionConfiguration(),
        )
        return wire.ApplyGuardrailsDetails(
            compartment_id=self._clients.session.compartment_id,
            input=wire.GuardrailsTextInput(content=text, language_code=self._settings.guardrail_language),
            guardrail_configs=configs,
            guardrail_version_config=wire.GuardrailVersionConfig(guardrail_version=self._settings.guardrail_version),
        )
