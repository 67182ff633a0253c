"""The default chain of guards. The local ones need no network and no model weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policy.chain import GuardChain
from policy.credentials import CredentialsGuard
from policy.deny import DenyListGuard
from policy.fingerprint import policy_reference
from policy.guard import Guard
from policy.limits import LimitsGuard
from policy.oci_guardrails import ApplyGuardrails, OCIGuardrailsGuard
from policy.pii import PersonalDataGuard
from settings.policy_file import load_policy

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings

    from settings import Settings
    from settings.policy import PolicySettings


def build_guards(
    settings: Settings, *, oci: ApplyGuardrails | None = None, embeddings: Embeddings | None = None
) -> GuardChain:
    """Return the guards that `settings.policy` asks for.

    Args:
        settings: the application's settings.
        oci: calls OCI Guardrails; without it only the local guards run.
        embeddings: the local embedding model, for the injection guard's second opinion.

    Raises:
        SettingsInvalid: `policy_candidate_file` names no valid policy.
    """
    remote = () if oci is None else (OCIGuardrailsGuard(oci, settings.policy),)
    return GuardChain(
        (*_local(settings.policy, embeddings), *remote),
        settings.policy,
        reference=policy_reference(settings),
        candidate=_candidate(settings, embeddings),
    )


def _local(policy: PolicySettings, embeddings: Embeddings | None) -> tuple[Guard, ...]:
    from policy.injection import InjectionGuard  # here: it imports NumPy

    return (
        LimitsGuard(policy.max_question_chars),
        DenyListGuard(policy.deny),
        PersonalDataGuard(policy.personal_data),
        CredentialsGuard(ocids=policy.redact_ocids),
        InjectionGuard(policy, embeddings),
    )


def _candidate(settings: Settings, embeddings: Embeddings | None) -> GuardChain | None:
    """Return the guards of the policy that is tried. OCI is not asked twice: its verdict counts for both policies."""
    if settings.policy_candidate_file is None:
        return None
    policy = load_policy(settings.policy_candidate_file)
    return GuardChain(_local(policy, embeddings), policy, reference=policy_reference(settings, policy))
