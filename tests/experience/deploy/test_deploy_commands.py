"""`sixplane deploy` on the command line, with an OCI configuration file and a `sixplane.toml`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from experience.cli.app import app
from tests.doubles.oci import LocalOCI
from tests.doubles.oci.__main__ import write_keys
from tests.doubles.oci.deploy_dry import STACK, environment_of

Run = Callable[..., Result]


@pytest.fixture
def oci(tmp_path: Path) -> Iterator[LocalOCI]:
    with LocalOCI(lambda _: "", embed="hash", key=write_keys(tmp_path / "keys")) as served:
        yield served
        assert not served.rejected


@pytest.fixture
def run(oci: LocalOCI, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("experience.deploy.patience.FIRST_SECONDS", 0.0)
    (tmp_path / "sixplane.toml").write_text(STACK, encoding="utf-8")
    given = {"HOME": str(tmp_path), **environment_of(oci, tmp_path)}

    def invoke(*arguments: str, **more: str) -> Result:
        result = CliRunner().invoke(app, ["deploy", *arguments], env={**given, **more})
        assert "Traceback" not in result.stdout + result.stderr
        return result

    return invoke


def test_a_stack_from_its_plan_to_its_end(run: Run, oci: LocalOCI) -> None:
    planned = run("plan", "--region", "us-phoenix-1")
    assert planned.exit_code == 0, planned.stderr
    assert "create\tdeployment" in planned.stdout
    assert "not known" in planned.stdout
    assert "in us-phoenix-1" in planned.stdout
    applied = run("apply")
    assert (applied.exit_code, applied.stdout) == (0, "the stack is complete\n")
    assert "creating the application `sixplane-baseline`" in applied.stderr
    assert json.loads(run("apply", "--json").stdout) == {"stack": "baseline", "changed": False, "done": []}
    steps = json.loads(run("plan", "--max-replicas", "4", "--json").stdout)["steps"]
    assert [step["action"] for step in steps] == ["leave", "update", "leave"]
    found = json.loads(run("status", "--json").stdout)
    assert [part["state"] for part in found["parts"]] == ["ACTIVE"] * 3
    assert found["healthy"] is True
    oci.hosting.healthy = 503
    assert "health: /health answers 503" in run("status").stdout
    asked = run("destroy")
    assert (asked.exit_code, "--yes" in asked.stderr) == (2, True)
    assert len(oci.hosting.alive("hostedDeployments")) == 1
    kept = run("destroy", "--yes", "--keep-storage").stdout.splitlines()
    assert kept[0].endswith("it stays, and is charged")
    assert kept[-1] == "destroyed"
    (still,) = run("destroy", "--yes", "--keep-storage").stdout.splitlines()
    assert still == kept[0]
    assert run("destroy", "--yes").stdout.splitlines()[-1] == "destroyed"
    for gone in (run("status").stdout, run("destroy").stdout):
        assert gone.startswith("there is nothing of the stack baseline in us-")
        assert "compartment ocid1." in gone
    assert not any(oci.hosting.alive(name) for name in oci.hosting.resources)


def test_what_is_wrong_is_told_with_its_remedy_and_asks_oci_nothing(run: Run, oci: LocalOCI) -> None:
    for arguments, told in [
        (("plan", "--stack", "other"), "the settings have `baseline`"),
        (("apply", "--image", "sixplane"), "OCI's registry"),
        (("plan", "--min-replicas", "3"), "min_replicas"),
        (("plan", "--region", "us-nowhere-1"), ""),
    ]:
        result = run(*arguments, SIXPLANE_OCI__ENDPOINT="") if "us-nowhere-1" in arguments else run(*arguments)
        assert result.exit_code == 2
        assert told in result.stderr
    assert not oci.calls


def test_policies_need_no_account(run: Run) -> None:
    told = run("policies", "--compartment", "ocid1.compartment.oc1..here", SIXPLANE_OCI__CONFIG_FILE="/nowhere").stdout
    assert "resource.compartment.id = 'ocid1.compartment.oc1..here'" in told
    assert "to read repos in compartment" in told
