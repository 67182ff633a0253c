"""Whether what a recipe puts into a container's environment are settings that Sixplane takes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from pydantic import BaseModel

from settings import Settings, load_settings

ROOT = Path(__file__).resolve().parents[2]


def accepted(environment: Mapping[str, str], monkeypatch: pytest.MonkeyPatch, folder: Path) -> Settings:
    """Return the settings of a process with this environment; fail if a name is no setting or a value is refused."""
    ours = {name: value for name, value in environment.items() if name.startswith("SIXPLANE_")}
    assert ours
    assert [name for name in ours if not exists(name)] == []
    monkeypatch.chdir(folder)
    for name, value in ours.items():
        monkeypatch.setenv(name, value)
    return load_settings()


def exists(variable: str) -> bool:
    """Return whether the settings have what `variable`, such as `SIXPLANE_SERVER__PORT`, stands for."""
    kind: object = Settings
    for name in variable.removeprefix("SIXPLANE_").lower().split("__"):
        if not (isinstance(kind, type) and issubclass(kind, BaseModel)) or name not in kind.model_fields:
            return False
        kind = kind.model_fields[name].annotation
    return True
