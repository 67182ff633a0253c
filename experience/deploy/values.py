"""What the modules of `deploy` hand to each other: parts, what OCI has of them, and what is to be done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Action = Literal["create", "update", "replace", "wait", "leave", "delete"]
"""What a plan does with a part. `wait`: OCI works on it already."""

STACK_TAG, OWNER_TAG, PART_TAG = "sixplane_stack", "sixplane_owner", "sixplane_part"
SETTINGS_TAG, FIXED_TAG = "sixplane_settings", "sixplane_fixed"
"""Freeform tags. The last two are fingerprints: OCI need not return every setting, so that only they show a change."""

GONE = frozenset({"DELETED"})
MOVING = frozenset({"CREATING", "UPDATING", "DELETING"})
FAILED, NEEDS_ATTENTION, ACTIVE, INACTIVE = "FAILED", "NEEDS_ATTENTION", "ACTIVE", "INACTIVE"


@dataclass(frozen=True)
class Kind:
    """A kind of resource, with the operations of `oci.generative_ai.GenerativeAiClient` that belong to it.

    Args:
        noun: for people.
        plural: the end of the name of its list operation.
        singular: the end of the names of the others.
    """

    noun: str
    plural: str
    singular: str


STORAGE = Kind("storage", "hosted_application_storages", "hosted_application_storage")
APPLICATION = Kind("application", "hosted_applications", "hosted_application")
APPLICATION_IAM = Kind("application", "hosted_applications_iam", "hosted_application_iam")
DEPLOYMENT = Kind("deployment", "hosted_deployments", "hosted_deployment")
KINDS = (STORAGE, APPLICATION, APPLICATION_IAM, DEPLOYMENT)


@dataclass(frozen=True)
class Resource:
    """A resource of the stack, as OCI has it.

    Args:
        kind: what it is.
        id: its OCID.
        state: its lifecycle state.
        tags: its freeform tags.
        detail: all that `get` returned, in snake case.
        etag: of that answer.
    """

    kind: Kind
    id: str
    state: str
    tags: Mapping[str, str] = field(default_factory=dict)
    detail: Mapping[str, Any] = field(default_factory=dict)
    etag: str = ""

    @property
    def part(self) -> str:
        """The name of the part that it is: `application`, `deployment`, `storage:NAME`."""
        return self.tags.get(PART_TAG, "")


@dataclass(frozen=True)
class Found:
    """What OCI has of a stack.

    Args:
        ours: what the stack made, with all details, in the order in which it is made.
        deleted: OCIDs of what the stack deleted, as long as OCI lists them.
        others: what others have in the compartment, as lists show it.
    """

    ours: tuple[Resource, ...] = ()
    deleted: tuple[str, ...] = ()
    others: tuple[Resource, ...] = ()

    def of(self, part: str) -> Resource | None:
        """Return the resource of a part."""
        return next((each for each in self.ours if each.part == part), None)


@dataclass(frozen=True)
class Step:
    """What a plan does with a part, and why.

    Args:
        action: what it does.
        part: with which part.
        reason: why.
        resource: what there is of it.
        moves: whether callers have to use another address afterwards.
    """

    action: Action
    part: str
    reason: str
    resource: Resource | None = None
    moves: bool = False


@dataclass(frozen=True)
class Cost:
    """What is charged while nobody asks: `amount` is a sum or says that none is known."""

    what: str
    amount: str
    source: str


@dataclass(frozen=True)
class Plan:
    """The steps in their order, what leaving it running costs, and what a person should know before."""

    steps: tuple[Step, ...]
    costs: tuple[Cost, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def changes(self) -> tuple[Step, ...]:
        """The steps that change something."""
        return tuple(step for step in self.steps if step.action != "leave")
