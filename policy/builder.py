"""The default chain: local guards that need no network and no weights."""

from __future__ import annotations

from policy.chain import GuardChain
from policy.credentials import CredentialsGuard
from policy.deny import DenyListGuard
from policy.injection import InjectionGuard
from policy.limits import LimitsGuard
from policy.pii import PersonalDataGuard
from settings import Settings


def build_guards(settings: Settings) -> GuardChain:
    """Return the guards that `settings.policy` asks for.

    Raises:
        SettingsInvalid: `policy.pii_entities` names an entity that no recogniser finds.
    """
    policy = settings.policy
    return GuardChain(
        (
            LimitsGuard(policy.max_question_chars),
            DenyListGuard(policy.deny),
            PersonalDataGuard(policy.pii_entities, policy.pii_action),
            CredentialsGuard(),
            InjectionGuard(),
        ),
        policy,
    )
