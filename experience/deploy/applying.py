"""Makes OCI have what a stack wants, and removes a stack.

Each round looks at what there is and does the next step. A process that is killed therefore leaves nothing that the
next one has to know: it looks, and goes on. Two processes at once send the same retry token for the same part, so that
OCI makes it once, and changes carry the `etag` of what was looked at.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from experience.deploy import desired
from experience.deploy.edge import Edge
from experience.deploy.errors import DeployConflict, DeployFailed
from experience.deploy.failures import Raced, StillActive
from experience.deploy.looking import check_names, look
from experience.deploy.patience import Patience
from experience.deploy.planning import planned, wanted_application
from experience.deploy.stack import Stack
from experience.deploy.values import (
    DEPLOYMENT,
    FAILED,
    GONE,
    MOVING,
    NEEDS_ATTENTION,
    STORAGE,
    Found,
    Kind,
    Plan,
    Resource,
    Step,
)

Told = Callable[[str], None]

_MOST_RACES = 12
"""In a row, before the last error is told."""
_LOOKS_BEFORE_NEW_TOKEN = 3
"""A token that was used may belong to a part that lists do not show yet. Chosen: three looks, some seconds apart."""
_MOST_REMOVALS = 3
_LOG_LINES = 12
_IN_CONSOLE = "look at it in the console, then run the command again"
_IMAGE_HINT = (
    "if the log says that the image cannot be read, the dynamic group of the application lacks a resource type, or the "
    "policy `read repos`: see docs/oci.md#policies (changes of a group take minutes); then run the command again"
)


class Applying:
    """Applies or destroys a stack.

    Args:
        edge: calls OCI.
        stack: what is wanted.
        patience: waits.
        told: called with a line for each thing that is done.
        replace: whether the application may be made anew where it cannot be changed; its address changes then.
    """

    def __init__(self, edge: Edge, stack: Stack, patience: Patience, told: Told, *, replace: bool = False) -> None:
        self._edge, self._stack, self._patience, self._told, self._replace = edge, stack, patience, told, replace
        self._used: Counter[str] = Counter()
        """By part, how often OCI said that its token was used for another request."""
        self._overtaken = 0
        self._removed: Counter[str] = Counter()
        """By OCID, how often it was deleted."""
        self._written: set[str] = set()
        """The parts that OCI has as the settings say, because this process made or changed them."""

    def apply(self) -> Plan:
        """Make OCI have what the stack wants; return the plan that leaves everything as it is.

        Raises:
            DeployConflict: something of others is in the way, or the address would change.
            DeployFailed: OCI could not do it; the message has its log.
            DeployUnfinished: it takes longer than the stack's `wait_minutes`.
        """
        while True:
            found = look(self._edge, self._stack)
            check_names(self._stack, found)
            plan = planned(self._stack, found)
            waits = [each for each in plan.changes if each.action == "wait"]
            step = next(iter([*waits, *plan.changes]), None)
            if step is None:
                return plan
            with self._races():
                self._do(step, found)

    def destroy(self, *, keep_storage: bool = False) -> None:
        """Delete what bears the stack's tags, the last part first. Raises what `apply` raises."""
        while True:
            found = look(self._edge, self._stack)
            left = [each for each in found.ours if not (keep_storage and each.kind is STORAGE)]
            if not left:
                return
            moving = next((each for each in left if each.state in MOVING), None)
            with self._races():
                if moving is not None:
                    self._settled(moving)
                else:
                    self._remove(left[-1], found, whole=True)

    @contextmanager
    def _races(self) -> Iterator[None]:
        """Do something; if it was overtaken, wait, so that the next look sees what happened."""
        try:
            yield
        except Raced as race:
            self._overtaken += 1
            if self._overtaken > _MOST_RACES:
                raise race.error from race
            self._patience.wait(self._overtaken - 1, "another change")
        else:
            self._overtaken = 0

    def _do(self, step: Step, found: Found) -> None:
        there = step.resource
        if step.action == "wait" and there is not None:
            self._settle(there)
            return
        if step.part in self._written and step.action == "create":
            # Lists lag behind. The request has the same token: it makes nothing, and asks whether it is still there.
            self._patience.wait(0, f"the list that shows the {step.part}")
        elif step.part in self._written:
            raise DeployConflict(
                f"the {step.part} was as the settings say, and no longer is: {step.reason}",
                hint="does somebody else apply it with other settings? `sixplane deploy plan` shows what differs",
            )
        if step.action == "create":
            self._create(step.part, found)
        elif step.action == "update" and there is not None:
            self._update(step, there, found)
        elif there is not None:
            self._make_anew(step, there, found)

    def _make_anew(self, step: Step, there: Resource, found: Found) -> None:
        """Delete a part; the next round makes it again. The deployment goes before its application."""
        if step.moves and not self._replace:
            raise DeployConflict(
                f"the application would have to be made anew: {step.reason}",
                hint="its address would change: add `--replace` to do it, or take the change back",
            )
        deployment = found.of("deployment")
        self._remove(deployment if step.part == "application" and deployment else there, found, whole=self._replace)

    def _create(self, part: str, found: Found) -> None:
        kind, details, after = self._request(part, found)
        attempt = self._used[part] // _LOOKS_BEFORE_NEW_TOKEN
        token = self._stack.token(part, kind.singular, after, found.deleted, attempt)
        self._told(f"creating the {part} `{getattr(details, 'display_name', '')}`")
        try:
            made, work_id = self._edge.create(kind, details, token, tuple(self._stack.settings.environment.values()))
        except Raced as race:
            self._used[part] += race.token
            raise
        if self._is_gone(made):
            # OCI remembers tokens for a day, and answers with what was made then, although it is deleted.
            self._used[part] += _LOOKS_BEFORE_NEW_TOKEN
            return
        self._finish(made, work_id)
        self._written.add(part)

    def _is_gone(self, made: Resource) -> bool:
        """Whether what a request has made is deleted. What OCI does not find at once may be too new."""
        for looks in range(_LOOKS_BEFORE_NEW_TOKEN):
            now = self._edge.got(made)
            if now is not None:
                return now.state in GONE
            self._patience.wait(looks, f"the new {made.kind.noun}")
        return True

    def _request(self, part: str, found: Found) -> tuple[Kind, Any, str]:
        """Return what to make, the request, and what it depends on."""
        if part == "application":
            wanted = wanted_application(self._stack, found)
            return wanted.kind, wanted.create_details(self._stack.compartment_id), ""
        if part == "deployment":
            application = found.of("application")
            if application is None:
                raise DeployConflict("the application has gone", hint="run the command again")
            return DEPLOYMENT, desired.deployment_details(self._stack, application.id), application.id
        return STORAGE, desired.storage_details(self._stack, part.partition(":")[2]), ""

    def _update(self, step: Step, there: Resource, found: Found) -> None:
        if there.kind is DEPLOYMENT and self._added(there):
            return  # the next round looks at it, and makes it the active one
        self._told(f"changing the {step.part}: {step.reason}")
        if there.kind is DEPLOYMENT:
            details = desired.deployment_update(self._stack)
        else:
            details = wanted_application(self._stack, found).update_details(there.tags)
        self._finish(there, self._edge.update(there, details, tuple(self._stack.settings.environment.values())))
        self._written.add(step.part)

    def _added(self, there: Resource) -> bool:
        """Add the image to the deployment; return `False` if it is there already."""
        uri, tag = self._stack.image
        artifacts = [each for each in there.detail.get("artifacts") or () if each]
        same = [each for each in artifacts if (each.get("container_uri"), each.get("tag")) == (uri, tag)]
        if any(each.get("status") != FAILED for each in same):
            return False
        if "artifact" in self._written:
            raise DeployFailed(
                "OCI has added the image, and does not show it", hint="run the command again in a minute"
            )
        self._told(f"adding the image {uri}:{tag}")
        failed = sorted(str(each.get("id")) for each in same)
        token = self._stack.token("artifact", there.id, uri, tag, failed)
        self._worked(there, self._edge.add_artifact(there, desired.artifact_details(self._stack), token))
        self._written.add("artifact")
        return True

    def _remove(self, there: Resource, found: Found, *, whole: bool) -> None:
        """Delete a part. An active deployment goes with its application alone: that is done if `whole` allows it."""
        self._removed[there.id] += 1
        if self._removed[there.id] > _MOST_REMOVALS:
            raise DeployFailed(f"OCI accepts that the {_named(there)} is deleted, and still has it", hint=_IN_CONSOLE)
        self._told(f"deleting the {there.part} {there.id}")
        try:
            self._finish(there, self._edge.delete(there))
        except StillActive:
            application = next(
                (each for each in found.ours if each.id == there.detail.get("hosted_application_id")), None
            )
            if application is None:
                raise DeployConflict(
                    f"the deployment {there.id} is active in an application that the stack did not make",
                    hint="make another deployment active in the console, then run the command again",
                ) from None
            if not whole:
                raise DeployConflict(
                    f"the deployment {there.id} is {there.state}, and active: it goes with its application alone",
                    hint="the application's address would change: add `--replace` to do it",
                ) from None
            self._told(f"deleting the application {application.id}, and its active deployment with it")
            self._finish(application, self._edge.delete(application))

    def _finish(self, resource: Resource, work_id: str) -> None:
        """Wait for a work request, then until the resource has settled. Raises `DeployFailed`."""
        self._worked(resource, work_id)
        self._settle(resource)

    def _worked(self, resource: Resource, work_id: str) -> None:
        looks = 0
        while work_id and (status := self._edge.work(work_id)) != "SUCCEEDED":
            if status in ("FAILED", "CANCELED"):
                raise self._failed(resource, status, work_id)
            self._patience.wait(looks, f"the work on the {_named(resource)}")
            looks += 1

    def _settle(self, resource: Resource) -> None:
        """Wait until OCI no longer works on a resource. Raises `DeployFailed` if it has failed."""
        now = self._settled(resource)
        if now is not None and now.state in (FAILED, NEEDS_ATTENTION):
            raise self._failed(now, now.state, self._edge.work_of(now, self._stack.compartment_id))

    def _settled(self, resource: Resource) -> Resource | None:
        looks = 0
        while (now := self._edge.got(resource)) is not None and now.state in MOVING:
            if not looks:
                self._told(f"waiting: the {_named(now)} is {now.state}")
            self._patience.wait(looks, f"the work on the {_named(now)}")
            looks += 1
        return now

    def _failed(self, resource: Resource, status: str, work_id: str) -> DeployFailed:
        lines = self._edge.log_of(work_id) if work_id else []
        said = str(resource.detail.get("lifecycle_details") or "")
        log = "; ".join([*([said] if said else []), *lines[:_LOG_LINES]]) or "OCI wrote no log"
        hint = _IMAGE_HINT if resource.kind is DEPLOYMENT else "correct what the log names, then run the command again"
        return DeployFailed(f"the work on the {_named(resource)} ended as {status}: {log}", hint=hint)


def _named(resource: Resource) -> str:
    return f"{resource.part or resource.kind.noun} {resource.id}"
