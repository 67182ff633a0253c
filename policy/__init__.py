"""Guards that decide which questions, evidence and answers may pass. What a guard cannot answer does not pass.

guards = build_guards(load_settings())
screening = await guards.screen("What does a budget do?", Stage.QUESTION)
if screening.verdict.action is Action.REFUSE: ...
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from policy.builder import build_guards
    from policy.chain import GuardChain
    from policy.credentials import CredentialsGuard
    from policy.deny import DenyListGuard
    from policy.guard import Guard
    from policy.injection import InjectionGuard
    from policy.limits import LimitsGuard
    from policy.masks import apply_masks, merge_masks
    from policy.normalise import Folded, fold, normalised
    from policy.passages import FoundPassage, SafePassages, ScreenedPassages, safe_passages, screen_passages
    from policy.pii import PersonalDataGuard
    from policy.verdict import (
        GUARD_UNAVAILABLE,
        WITHHELD,
        Action,
        Screening,
        Stage,
        Verdict,
        check_answered,
        refusal_of,
    )
    from policy.withheld import shown_text, withheld_from

_MODULES = {
    "GUARD_UNAVAILABLE": "verdict",
    "WITHHELD": "verdict",
    "Action": "verdict",
    "CredentialsGuard": "credentials",
    "DenyListGuard": "deny",
    "Folded": "normalise",
    "FoundPassage": "passages",
    "Guard": "guard",
    "GuardChain": "chain",
    "InjectionGuard": "injection",
    "LimitsGuard": "limits",
    "PersonalDataGuard": "pii",
    "SafePassages": "passages",
    "ScreenedPassages": "passages",
    "Screening": "verdict",
    "Stage": "verdict",
    "Verdict": "verdict",
    "apply_masks": "masks",
    "build_guards": "builder",
    "check_answered": "verdict",
    "fold": "normalise",
    "merge_masks": "masks",
    "normalised": "normalise",
    "refusal_of": "verdict",
    "safe_passages": "passages",
    "screen_passages": "passages",
    "shown_text": "withheld",
    "withheld_from": "withheld",
}

__all__ = [
    "GUARD_UNAVAILABLE",
    "WITHHELD",
    "Action",
    "CredentialsGuard",
    "DenyListGuard",
    "Folded",
    "FoundPassage",
    "Guard",
    "GuardChain",
    "InjectionGuard",
    "LimitsGuard",
    "PersonalDataGuard",
    "SafePassages",
    "ScreenedPassages",
    "Screening",
    "Stage",
    "Verdict",
    "apply_masks",
    "build_guards",
    "check_answered",
    "fold",
    "merge_masks",
    "normalised",
    "refusal_of",
    "safe_passages",
    "screen_passages",
    "shown_text",
    "withheld_from",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module `policy` has no attribute {name!r}")
    return getattr(import_module(f"policy.{_MODULES[name]}"), name)
