"""The bill of materials lists what is installed, and no licence in it is outside the allowed ones."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from deploy.sbom import bill_of_materials, refused, rules_of_licences

LOCK = Path(__file__).resolve().parents[2] / "requirements.lock"
RULES = {
    "allowed": ["MIT", "Apache-2.0"],
    "classifiers": {"License :: OSI Approved :: MIT License": "MIT"},
    "exceptions": {"quiet": {"licence": "MIT"}, "lent": {"licence": "GPL-3.0-only", "allow": True}},
}


@pytest.fixture(scope="module")
def bill() -> dict[str, Any]:
    """The bill of this environment."""
    return bill_of_materials()


def package(*licences: dict[str, Any], name: str = "thing") -> dict[str, Any]:
    """A component as a bill lists it."""
    return {"name": name, "version": "1.0", "licenses": list(licences)}


def test_every_licence_is_allowed(bill: dict[str, Any]) -> None:
    assert refused(bill["components"], rules_of_licences()) == []


def test_every_exception_is_of_a_package_that_is_needed(bill: dict[str, Any]) -> None:
    assert set(rules_of_licences()["exceptions"]) <= {
        each["name"].lower().replace("_", "-") for each in bill["components"]
    }


def test_the_bill_lists_the_locked_packages_at_their_versions_and_with_their_hashes(bill: dict[str, Any]) -> None:
    # A package may have several pins, one for each version of Python.
    pins = re.findall(r"^([a-z0-9][\w.-]*)==([^\s;\\]+)", LOCK.read_text(encoding="utf-8"), re.MULTILINE)
    required = [each for each in bill["components"] if each["scope"] == "required"]
    assert len(required) > 100
    for each in required:
        name = re.sub(r"[-_.]+", "-", each["name"]).lower()
        assert (name, each["version"]) in pins
        assert any(file.get("hashes") for file in each["externalReferences"]), name


def test_the_bill_lists_no_tool_of_development_and_marks_the_server(bill: dict[str, Any]) -> None:
    scopes = {each["name"].lower(): each["scope"] for each in bill["components"]}
    assert scopes["fastapi"] == scopes["mcp"] == "optional"
    assert scopes["langgraph"] == "required"
    assert not {"pytest", "ruff", "hypothesis", "mkdocs", "cyclonedx-bom"} & set(scopes)


def test_the_bill_names_no_folder_of_the_machine(bill: dict[str, Any]) -> None:
    assert "file:" not in str(bill)


@pytest.mark.parametrize(
    ("component", "allowed"),
    [
        (package({"license": {"id": "MIT"}}), True),
        (package({"license": {"id": "GPL-3.0-only"}}), False),
        (package({"expression": "GPL-3.0-only OR MIT"}), True),
        (package({"expression": "GPL-3.0-only AND MIT"}), False),
        (package({"expression": "(GPL-3.0-only OR MIT) AND Apache-2.0"}), True),
        (package({"license": {"name": "License :: OSI Approved :: MIT License"}}), True),
        (package({"license": {"name": "License :: Other/Proprietary License"}}), False),
        (package({"license": {"id": "MIT"}}, {"license": {"name": "License :: OSI Approved :: BSD License"}}), True),
        (package({"expression": "nonsense AND"}), False),
        (package(), False),
        (package(name="quiet"), True),
        (package({"license": {"id": "GPL-3.0-only"}}, name="lent"), True),
    ],
)
def test_a_licence_is_judged_by_its_expression(component: dict[str, Any], *, allowed: bool) -> None:
    assert (refused([component], RULES) == []) is allowed
