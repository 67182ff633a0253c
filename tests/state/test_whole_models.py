"""Every Pydantic model knows the types of its fields: one that is imported for the type checker alone is missing."""

from __future__ import annotations

import importlib
import pkgutil

from pydantic import BaseModel

from benchmarks.shape import PACKAGES


def classes_below(base: type) -> set[type]:
    return {base}.union(*map(classes_below, base.__subclasses__()))


def test_every_model_can_be_made() -> None:
    for package in PACKAGES:
        for module in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)
    ours = {each for each in classes_below(BaseModel) if each.__module__.split(".")[0] in PACKAGES}
    assert len(ours) > 50
    assert {each.__qualname__ for each in ours if not each.__pydantic_complete__} == set()
