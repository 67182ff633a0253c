"""What is to be done so that OCI has what a stack wants. It changes nothing, and asks nothing.

Import it inside functions: it needs the SDK's models, which are slow to import.
"""

from __future__ import annotations

from collections.abc import Iterator

from experience.deploy.costs import costs_of
from experience.deploy.desired import FIXED, Desired, desired_application
from experience.deploy.differences import differing
from experience.deploy.errors import DeployConflict
from experience.deploy.stack import Stack
from experience.deploy.values import (
    FAILED,
    FIXED_TAG,
    INACTIVE,
    MOVING,
    NEEDS_ATTENTION,
    SETTINGS_TAG,
    Found,
    Plan,
    Resource,
    Step,
)

_AS_WANTED = "it is as the settings say"
_UNSEEN = "settings that OCI does not show, such as secrets"
_HIDDEN_FIXED = "settings that cannot be changed in place"


def planned(stack: Stack, found: Found) -> Plan:
    """Return the plan that makes OCI have what `stack` wants, where it has `found`.

    Raises:
        DeployConflict: a storage cannot become what the settings say.
    """
    storages = list(_storages(stack, found))
    application = _application(stack, found)
    steps = [*storages, application, _deployment(stack, found, application)]
    return Plan(tuple(steps), costs_of(stack), tuple(_notes(stack)))


def storage_ids(found: Found) -> dict[str, str]:
    """Return the OCIDs of the stack's storages, by their names in the settings."""
    return {each.part.partition(":")[2]: each.id for each in found.ours if each.part.startswith("storage:")}


def wanted_application(stack: Stack, found: Found) -> Desired:
    """Return the application that `stack` wants, with the storages that there are."""
    return desired_application(stack, storage_ids(found))


def _storages(stack: Stack, found: Found) -> Iterator[Step]:
    wanted = {name: each.type for name, each in stack.settings.storage.items() if each.type}
    for name, kind in wanted.items():
        part = f"storage:{name}"
        there = found.of(part)
        if there is None:
            yield Step("create", part, f"there is none ({kind})")
        elif there.state in MOVING:
            yield _moving(there)
        elif there.state == FAILED:
            raise DeployConflict(
                f"the storage `{name}` has failed: {there.id}", hint="delete it in the console, then run `apply` again"
            )
        elif there.detail.get("storage_type") not in (None, kind):
            hint = "give the new storage another name in the settings: the old one keeps its data"
            raise DeployConflict(f"the storage `{name}` is of the type {there.detail['storage_type']}", hint=hint)
        else:
            yield Step("leave", part, _AS_WANTED, there)
    for each in found.ours:
        name = each.part.partition(":")[2]
        if each.part.startswith("storage:") and name not in wanted:
            yield Step("leave", each.part, "the settings no longer name it, and it may hold data", each)


def _application(stack: Stack, found: Found) -> Step:
    there = found.of("application")
    if there is None:
        return Step("create", "application", "there is none")
    if there.state in MOVING:
        return _moving(there)
    serves = found.of("deployment") is not None
    if there.state == FAILED:
        return Step("replace", "application", f"OCI could not make it{_details(there)}", there, moves=serves)
    wanted = wanted_application(stack, found)
    if there.kind is not wanted.kind:
        reason = "OCI IAM and other authentication are different kinds of applications"
        return Step("replace", "application", reason, there, moves=serves)
    fixed, changed = _changes(wanted, there)
    if fixed:
        reason = f"it cannot be changed in place: {', '.join(fixed)}"
        return Step("replace", "application", reason, there, moves=serves)
    if changed:
        return Step("update", "application", f"it differs: {', '.join(changed)}", there)
    return Step("leave", "application", _AS_WANTED, there)


def _changes(wanted: Desired, there: Resource) -> tuple[list[str], list[str]]:
    """Return what differs: what cannot be changed in place, and what can."""
    plain = wanted.plain
    fixed = differing({name: plain[name] for name in FIXED}, there.detail)
    changed = differing({name: value for name, value in plain.items() if name not in FIXED}, there.detail)
    if not fixed and there.tags.get(FIXED_TAG) != wanted.tags[FIXED_TAG]:
        fixed = [_HIDDEN_FIXED]
    if not changed and there.tags.get(SETTINGS_TAG) != wanted.tags[SETTINGS_TAG]:
        changed = [_UNSEEN]
    return fixed, changed


def _deployment(stack: Stack, found: Found, application: Step) -> Step:
    there = found.of("deployment")
    if there is None:
        return Step("create", "deployment", f"there is none ({stack.settings.image})")
    if there.state in MOVING:
        return _moving(there)
    owner = found.of("application")
    if application.action in ("replace", "create") or owner is None:
        return Step("replace", "deployment", "its application is made anew", there)
    if there.detail.get("hosted_application_id") != owner.id:
        return Step("replace", "deployment", "it belongs to another application", there)
    if there.state == FAILED:
        return Step("replace", "deployment", f"OCI could not make it{_details(there)}", there)
    uri, tag = stack.image
    active = there.detail.get("active_artifact") or {}
    if (active.get("container_uri"), active.get("tag")) != (uri, tag):
        shown = f"{active.get('container_uri')}:{active.get('tag')}"
        return Step("update", "deployment", f"its image is {shown}, not {stack.settings.image}", there)
    if bool(active.get("is_vulnerability_scan_required")) != stack.settings.scan_required:
        return Step("update", "deployment", "it differs: scan_required", there)
    if there.state == INACTIVE:
        return Step("update", "deployment", "another deployment was made active", there)
    if there.state == NEEDS_ATTENTION or active.get("status") == FAILED:
        return Step("update", "deployment", "its image could not be started: it is tried again", there)
    return Step("leave", "deployment", "it runs the image of the settings", there)


def _moving(there: Resource) -> Step:
    return Step("wait", there.part, f"OCI works on it: {there.state}", there)


def _details(there: Resource) -> str:
    said = there.detail.get("lifecycle_details")
    return f": {said}" if said else ""


def _notes(stack: Stack) -> Iterator[str]:
    given = stack.settings
    if given.profile == "embedded":
        yield "the embedded profile keeps documents on the replica's disk: they are lost when OCI replaces the replica"
    else:
        yield "the oracle profile: replicas share the database; `sixplane db init` must have made its schema"
    if stack.image[1] == "latest":
        yield "the tag `latest` does not tell one image from the next: a new push under it changes nothing here"
    if given.auth == "iam":
        yield (
            "with OCI IAM the signature takes the header `Authorization`, in which Sixplane expects its own key or "
            "token: we do not know what of it reaches the container"
        )
    if given.auth == "none":
        yield "everybody on the network reaches the application: its own keys or tokens decide"
