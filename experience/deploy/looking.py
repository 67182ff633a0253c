"""What OCI has of a stack. The tags decide: what does not bear them is somebody else's, whatever its name is."""

from __future__ import annotations

from collections.abc import Iterable

from experience.deploy.edge import Edge
from experience.deploy.errors import DeployConflict
from experience.deploy.failures import NOT_ALLOWED
from experience.deploy.stack import Stack
from experience.deploy.values import APPLICATION, APPLICATION_IAM, DEPLOYMENT, GONE, KINDS, STORAGE, Found, Resource
from state.errors import DependencyUnavailable

_APPLICATIONS = (APPLICATION, APPLICATION_IAM)
_STAYS = "Sixplane changes and deletes only what bears its tags"


_LOOKS = 5
"""At what a list shows and nobody may read: lists and reads lag behind each other. A chosen value: 16 s in all."""


def look(edge: Edge, stack: Stack) -> Found:
    """Return what the stack made, with all details, and what others have.

    Raises:
        DeployConflict: it cannot know its own, or others have put something into it.
        DependencyUnavailable: a list shows a part that cannot be read. Without this error it would be made a second
            time, or be taken for deleted.
    """
    unread: list[Resource] = []
    for looks in range(_LOOKS):
        if unread:
            edge.pause(looks - 1, f"the {unread[0].part} that a list shows")
        found, unread = _looked(edge, stack)
        if not unread:
            return found
    raise DependencyUnavailable(
        f"OCI lists the {unread[0].part} {unread[0].id}, and does not find it", hint=NOT_ALLOWED
    )


def _looked(edge: Edge, stack: Stack) -> tuple[Found, list[Resource]]:
    """Return what there is, and what of it a list shows and a read does not find."""
    every = [each for kind in KINDS for each in edge.listed(kind, stack.compartment_id)]
    alive = [each for each in every if each.state not in GONE]
    ours = [each for each in alive if stack.owns(each.tags)]
    _check_single(ours)
    got = [edge.got(each) for each in ours]
    found = Found(
        ours=tuple(each for each in got if each is not None and each.state not in GONE),
        deleted=tuple(sorted(each.id for each in every if stack.owns(each.tags) and each.state in GONE)),
        others=tuple(each for each in alive if not stack.owns(each.tags)),
    )
    _check_foreign_deployments(found)
    return found, [each for each, now in zip(ours, got, strict=True) if now is None]


def check_names(stack: Stack, found: Found) -> None:
    """Raise `DeployConflict` if something of others has a name that the stack is about to give."""
    taken = {(kind, stack.display_name) for kind in _APPLICATIONS}
    taken |= {(STORAGE, stack.storage_name(name)) for name, each in stack.settings.storage.items() if each.type}
    for each in found.others:
        name = each.detail.get("display_name")
        if (each.kind, name) in taken:
            raise DeployConflict(
                f"there is a hosted {each.kind.noun} `{name}` that this stack did not make: {each.id}",
                hint=f"set `deploy.{stack.name}.name` to another name, or delete it in the console; {_STAYS}",
            )


def _check_single(ours: Iterable[Resource]) -> None:
    seen: dict[str, Resource] = {}
    for each in ours:
        other = seen.setdefault(each.part, each)
        if other is not each:
            raise DeployConflict(
                f"two resources bear the tags of this stack's {each.part}: {other.id} and {each.id}",
                hint="delete the one that you do not need in the console, then run the command again",
            )


def _check_foreign_deployments(found: Found) -> None:
    applications = {each.id for each in found.ours if each.kind in _APPLICATIONS}
    for each in found.others:
        if each.kind is DEPLOYMENT and each.detail.get("hosted_application_id") in applications:
            raise DeployConflict(
                f"the stack's application holds a deployment that the stack did not make: {each.id}",
                hint=f"delete it in the console; {_STAYS}",
            )
