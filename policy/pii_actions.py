"""What happens to the personal data that a guard found, as the settings say for its kind and the stage."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from policy.masks import merge_masks
from policy.verdict import Action, Stage, Verdict
from settings.personal_data import KINDS
from state.values import Mask

if TYPE_CHECKING:
    from settings.personal_data import PersonalDataKind, PersonalDataSettings


def action_for(kind: str, stage: Stage, settings: PersonalDataSettings) -> Action:
    """Return what happens to `kind` at `stage`; a kind that the settings do not know gets the default action."""
    known = next((each for each in KINDS if each == kind), None)
    return Action(settings.action(known, stage.value) if known else getattr(settings.default, stage.value))


def looked_for(stage: Stage, settings: PersonalDataSettings) -> tuple[PersonalDataKind, ...]:
    """Return the kinds that are not allowed at `stage`."""
    return tuple(kind for kind in KINDS if action_for(kind, stage, settings) is not Action.ALLOW)


def allows_all(stage: Stage, settings: PersonalDataSettings) -> bool:
    """Whether nothing happens to any personal data at `stage`."""
    return not looked_for(stage, settings) and action_for("", stage, settings) is Action.ALLOW


def judged(policy: str, found: Iterable[Mask], stage: Stage, settings: PersonalDataSettings) -> Verdict:
    """Return the verdict of the guard `policy` on a text with `found`. One kind to refuse refuses the text."""
    # Before masks are merged: a kind that refuses must not vanish inside of a longer one that is redacted.
    by_action: dict[Action, list[Mask]] = {}
    for mask in found:
        by_action.setdefault(action_for(mask.kind, stage, settings), []).append(mask)
    action = next((each for each in (Action.REFUSE, Action.REDACT) if each in by_action), Action.ALLOW)
    if action is Action.ALLOW:
        return Verdict(action=Action.ALLOW, policy=policy)
    kinds = ", ".join(sorted({mask.kind for mask in by_action[action]}))
    return Verdict(
        action=action,
        policy=policy,
        category="personal_data",
        reason=f"the {stage.value} contains {kinds}",
        spans=merge_masks(by_action[action]),
    )
