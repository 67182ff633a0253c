"""Reads a policy file: the settings of the guards in a TOML file of their own, with a version."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from settings.faults import faults_of
from settings.policy import PolicySettings
from state.errors import SettingsInvalid

MAX_BYTES = 256 * 1024
"""Largest file that is read. A chosen value: the example has 2 kB, and 200 kB hold ten thousand phrases to deny."""

_HINT = "see `policy.example.toml`; `sixplane policy check FILE` checks a file"


def load_policy(path: Path) -> PolicySettings:
    """Return the policy of a file. What the file leaves out has its default.

    Raises:
        SettingsInvalid: the file is missing, unreadable, too large or no TOML, has an unknown key, a value of another
            type or no `version`. The message names the key and the file, without its folder: clients may read it.
    """
    try:
        # Strict: the types of TOML need no guessing.
        policy = PolicySettings.model_validate(_frozen(tomllib.loads(_text(path))), strict=True)
    except ValidationError as error:
        raise SettingsInvalid(f"the policy file `{path.name}` is invalid: {faults_of(error)}", hint=_HINT) from error
    except (ValueError, RecursionError) as error:  # no UTF-8, no TOML, a number of 5,000 digits, 1,000 nested lists
        reason = str(error) if isinstance(error, tomllib.TOMLDecodeError) else type(error).__name__
        raise SettingsInvalid(f"the policy file `{path.name}` is no TOML: {reason}", hint=_HINT) from error
    if not policy.version:
        raise SettingsInvalid(f"the policy file `{path.name}` has no `version`", hint='add `version = "1"` to it')
    return policy


def _frozen(given: Any) -> Any:
    """Return `given` with tuples for its lists, which is what the settings hold."""
    if isinstance(given, dict):
        return {name: _frozen(value) for name, value in given.items()}
    return tuple(map(_frozen, given)) if isinstance(given, list) else given


def _text(path: Path) -> str:
    try:
        if not path.is_file():  # a pipe or a device would be read for ever
            raise SettingsInvalid(f"the policy file `{path.name}` does not exist, or is no file", hint=_HINT)
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise SettingsInvalid(
            f"the policy file `{path.name}` cannot be read: {reason}", hint="change its permissions"
        ) from error
    if len(content) > MAX_BYTES:
        raise SettingsInvalid(
            f"the policy file `{path.name}` is larger than {MAX_BYTES // 1024} kB", hint="a policy holds settings only"
        )
    return content.decode("utf-8-sig")
