"""The variables of the container: those that a stack sets itself, and checks of those that the settings name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr

from policy.credentials import find_secrets
from settings.deploying import StackSettings
from settings.tree import Settings
from state.errors import SettingsInvalid

_PREFIX = "SIXPLANE_"
_SOUNDS_SECRET = re.compile(r"(PASSWORD|PASSPHRASE|SECRET|TOKEN|CREDENTIALS?|_KEY)$")
PORT = 8080
"""Where the platform's gateway asks the container: Oracle's contract."""
_OURS = {"SIXPLANE_PROFILE": "profile"}
"""Variables that have a setting of the stack, and its name."""


def variables_of(stack: StackSettings, region: str, compartment_id: str) -> dict[str, str]:
    """Return the plain variables of the container; those of the settings take precedence over a stack's own."""
    own = {
        "SIXPLANE_PROFILE": stack.profile,
        "SIXPLANE_SERVER__HOST": "0.0.0.0",  # noqa: S104 - the platform's gateway is in front
        "SIXPLANE_SERVER__PORT": str(PORT),
        "SIXPLANE_OCI__AUTH": "resource_principal",
        "SIXPLANE_OCI__REGION": region,
        "SIXPLANE_OCI__COMPARTMENT_ID": compartment_id,
        # OCI replaces replicas at any time: another one takes up their runs, where it can see them.
        "SIXPLANE_RUN__RECOVER": str(stack.profile == "oracle").lower(),
    }
    return {**{name: value for name, value in own.items() if name not in stack.secrets}, **stack.environment}


def check_variables(name: str, stack: StackSettings) -> None:
    """Raise `SettingsInvalid` for a variable that no setting has, or that shows a secret in plain."""
    where = f"deploy.{name}"
    for variable in (*stack.environment, *stack.secrets):
        if variable in _OURS:
            raise SettingsInvalid(f"`{variable}` is set by the stack", hint=f"set `{where}.{_OURS[variable]}` instead")
        if variable.startswith(_PREFIX) and not _setting(variable)[0]:
            hint = "correct its name; `sixplane.example.toml` lists the settings, two underscores separate their parts"
            raise SettingsInvalid(f"`{variable}` in `{where}` is no setting of Sixplane", hint=hint)
    shown = [variable for variable, value in stack.environment.items() if _is_secret(variable, value)]
    if shown:
        hint = f"put it into OCI Vault, and the secret's OCID under `[{where}.secrets]`"
        raise SettingsInvalid(f"`{shown[0]}` in `{where}.environment` would be readable in the console", hint=hint)


def missing_variables(stack: StackSettings) -> tuple[str, ...]:
    """Return the variables without which the container would not start: for the database, and for tokens."""
    given = {*stack.environment, *stack.secrets, *(each.variable for each in stack.storage.values())}
    needed = [*_for_database(stack), *_for_tokens(stack)]
    return tuple(names[0] for names in needed if not given & set(names))


def _for_database(stack: StackSettings) -> tuple[tuple[str, ...], ...]:
    """Return what is needed, each with what does as well."""
    if stack.profile != "oracle":
        return ()
    oracle = "SIXPLANE_ORACLE__"
    if stack.environment.get(f"{oracle}AUTH") == "token":
        return ((f"{oracle}DSN",),)  # the database knows the user from the token
    passwords = tuple(f"{oracle}PASSWORD{end}" for end in ("", "_SECRET_ID", "_FILE"))
    return (f"{oracle}DSN",), (f"{oracle}USER",), passwords


def _for_tokens(stack: StackSettings) -> tuple[tuple[str, ...], ...]:
    if stack.environment.get("SIXPLANE_SERVER__AUTH") not in ("oidc", "both"):
        return ()
    return ("SIXPLANE_SERVER__OIDC__ISSUER",), ("SIXPLANE_SERVER__OIDC__AUDIENCE",)


def _is_secret(variable: str, value: str) -> bool:
    known, secret = _setting(variable) if variable.startswith(_PREFIX) else (False, False)
    return secret or (not known and bool(_SOUNDS_SECRET.search(variable.upper()))) or bool(find_secrets(value))


def _setting(variable: str) -> tuple[bool, bool]:
    """Return whether there is such a setting, and whether it holds a secret."""
    kind: Any = Settings
    for name in variable.removeprefix(_PREFIX).lower().split("__"):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            if name not in kind.model_fields:
                return False, False
            kind = kind.model_fields[name].annotation
        elif _is_mapping(kind):
            kind = get_args(kind)[1]
        else:
            return False, False
    return True, _holds_secret(kind)


def _holds_secret(kind: Any) -> bool:
    """Whether a value of this type can hold a secret: a whole table can, since it may be given as JSON."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return any(_holds_secret(each.annotation) for each in kind.model_fields.values())
    return kind is SecretStr or any(map(_holds_secret, get_args(kind)))


def _is_mapping(kind: Any) -> bool:
    origin = get_origin(kind)
    if origin in (Union, UnionType):
        return any(_is_mapping(each) for each in get_args(kind))
    return isinstance(origin, type) and issubclass(origin, Mapping)
