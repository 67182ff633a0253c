"""docs/deploy.md and the policies of docs/oci.md say what the code does."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from experience.deploy.applying import Applying
from experience.deploy.policies import matching_rules, statements
from experience.deploy.stack import Stack, check_stack
from experience.exits import status_of_code
from settings.deploying import StackSettings

ROOT = Path(__file__).resolve().parents[2]
DOC, OCI = ((ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("deploy.md", "oci.md"))


def test_the_policies_are_those_of_the_code() -> None:
    needed = {*statements(), *matching_rules("ocid1.compartment.oc1..example")}
    assert needed - set(OCI.splitlines()) == set()
    assert len(needed) == 8


def test_the_example_is_a_stack_that_can_be_applied() -> None:
    example, price = (tomllib.loads(block) for block in re.findall(r"```toml\n(.*?)```", DOC, re.DOTALL))
    stack = Stack("baseline", StackSettings(**example["deploy"]["baseline"], **price["deploy"]["baseline"]), "r", "c")
    check_stack(stack)
    assert stack.settings.scaling.max_replicas > 1
    assert str(stack.settings.wait_minutes).removesuffix(".0") in DOC


def test_the_table_of_errors_has_their_exit_statuses() -> None:
    rows = re.findall(r"^\| `(\w+)` \| .* \| (\d) \|$", DOC, re.MULTILINE)
    assert len(rows) == 5
    assert [(code, int(status)) for code, status in rows if status_of_code(code) != int(status)] == []
    assert "DeployConflict" in (Applying.apply.__doc__ or "")
