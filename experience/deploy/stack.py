"""A stack: its settings with region and compartment, its names and tags, and what must hold before it is made."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from experience.deploy.values import OWNER_TAG, PART_TAG, STACK_TAG
from experience.deploy.variables import check_variables, missing_variables
from settings import Settings
from settings.deploying import StackSettings
from settings.tree import standard_compartment
from state.errors import SettingsInvalid

_IMAGE = re.compile(r"(?P<uri>[a-z0-9.-]*\bocir\.[a-z0-9.-]+/[\w./-]+):(?P<tag>[\w][\w.-]{0,127})")
_TOKEN_CHARS = 64
"""The longest `opc-retry-token` that OCI takes."""


@dataclass(frozen=True)
class Stack:
    """A stack of the settings, in a region.

    Args:
        name: in `[deploy.NAME]`.
        settings: of the stack.
        region: where it is.
        compartment_id: what it belongs to.
    """

    name: str
    settings: StackSettings
    region: str
    compartment_id: str

    @property
    def display_name(self) -> str:
        """The name in the console."""
        return self.settings.name or f"sixplane-{self.name}"

    def storage_name(self, name: str) -> str:
        """Return what the console shows for the storage `name` of the settings."""
        return f"{self.display_name}-{name}"

    @property
    def image(self) -> tuple[str, str]:
        """Address and tag of the image."""
        found = _IMAGE.fullmatch(self.settings.image)
        return (found["uri"], found["tag"]) if found else ("", "")

    @property
    def tags(self) -> dict[str, str]:
        """The tags by which the stack knows what it made."""
        return {STACK_TAG: self.name, OWNER_TAG: self.settings.owner}

    def owns(self, tags: Mapping[str, str]) -> bool:
        """Whether what bears these tags was made by this stack."""
        return self.tags.items() <= tags.items() and PART_TAG in tags

    def token(self, *what: Any) -> str:
        """Return the retry token of a request: the same for each process that makes the same part of this stack."""
        return fingerprint([self.region, self.compartment_id, *self.tags.values(), *what])[:_TOKEN_CHARS]


def fingerprint(value: Any) -> str:
    """Return the SHA-256 of a value of JSON's types, in 64 hexadecimal digits."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()


def open_stack(settings: Settings, name: str, region: str) -> Stack:
    """Return the stack `name` of the settings.

    Args:
        settings: with `[deploy.NAME]`.
        name: of the stack.
        region: its identifier.

    Raises:
        SettingsInvalid: there is no such stack.
    """
    found = settings.deploy.get(name)
    if found is None:
        known = ", ".join(f"`{each}`" for each in settings.deploy)
        hint = (
            f"the settings have {known}" if known else f"write `[deploy.{name}]` into sixplane.toml, see docs/deploy.md"
        )
        raise SettingsInvalid(f"there is no stack `{name}`", hint=hint)
    return Stack(name, found, region, found.compartment_id or standard_compartment(settings))


def check_stack(stack: Stack) -> None:
    """Raise `SettingsInvalid` for what would make an application that cannot work; the hint names the remedy."""
    given, where = stack.settings, f"deploy.{stack.name}"
    _check_image(given.image, where)
    domain = given.identity_domain
    if given.auth.startswith("identity_domain") and not (domain.url and domain.scope):
        hint = f"set `url` and `scope` under `[{where}.identity_domain]`, or choose another `{where}.auth`"
        raise SettingsInvalid("the application needs an identity domain that admits its callers", hint=hint)
    scaling = given.scaling
    if given.profile == "embedded" and (scaling.max_replicas > 1 or scaling.min_replicas == 0):
        many = "each replica would answer from documents of its own"
        none = "all documents would be lost whenever the last replica stops"
        raise SettingsInvalid(
            f"the embedded profile is for one replica: {many if scaling.max_replicas > 1 else none}",
            hint=f'set `{where}.profile` to "oracle", or `min_replicas` and `max_replicas` to 1',
        )
    missing = missing_variables(given)
    if missing:
        hint = f"set it under `[{where}.environment]` or, from OCI Vault, under `[{where}.secrets]`"
        raise SettingsInvalid(f"the container would not start without `{missing[0]}`", hint=hint)
    check_variables(stack.name, given)


def _check_image(image: str, where: str) -> None:
    if not image:
        raise SettingsInvalid("the stack has no image", hint=f"push one to OCI's registry, and set `{where}.image`")
    if "@" in image:
        hint = f"give each image a tag of its own, and write `{where}.image` as REGISTRY/NAMESPACE/NAME:TAG"
        raise SettingsInvalid("OCI takes an image by its tag, not by its digest", hint=hint)
    if not _IMAGE.fullmatch(image):
        hint = f"write `{where}.image` as REGION.ocir.io/NAMESPACE/NAME:TAG; only OCI's registry is read"
        raise SettingsInvalid("the image is not an address in OCI's registry with a tag", hint=hint)
