"""The default chain of guards. The local ones need no network and no model weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policy.chain import GuardChain
from policy.credentials import CredentialsGuard
from policy.deny import DenyListGuard
from policy.fingerprint import policy_reference
from policy.injection import InjectionGuard
from policy.limits import LimitsGuard
from policy.oci_guardrails import ApplyGuardrails, OCIGuardrailsGuard
from policy.pii import PersonalDataGuard
from settings import Settings

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings


def build_guards(
    settings: Settings, *, oci: ApplyGuardrails | None = None, embeddings: Embeddings | None = None
) -> GuardChain:
    """Return the guards that `settings.policy` asks for.

    Args:
        settings: the application's settings.
        oci: calls OCI Guardrails; without it only the local guards run.
        embeddings: the local embedding model, for the injection guard's second opinion.
    """
    policy = settings.policy
    remote = () if oci is None else (OCIGuardrailsGuard(oci, policy),)
    return GuardChain(
        (
            LimitsGuard(policy.max_question_chars),
            DenyListGuard(policy.deny),
            PersonalDataGuard(policy.personal_data),
            CredentialsGuard(ocids=policy.redact_ocids),
            InjectionGuard(policy, embeddings),
            *remote,
        ),
        policy,
        reference=policy_reference(settings),
    )
