"""`sixplane models --live`: the catalogue beside what the tenancy lists, by the real SDK against the local OCI."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from experience.cli.app import app
from gateway import load_catalog
from tests.doubles.oci import Fault, LocalOCI
from tests.doubles.oci.management import Tenancy, TenancyModel
from tests.doubles.oci.server import COMPARTMENT
from tests.doubles.oci.session import local_settings

KNOWN = [entry.id for entry in load_catalog(prices={}).entries if entry.provider == "oci" and "*" not in entry.id]
CHANGED = {
    "google.gemini-2.5-flash": TenancyModel("google.gemini-2.5-flash", regions=("us-ashburn-1", "us-phoenix-1")),
    "openai.gpt-5": TenancyModel("openai.gpt-5", retired="2026-11-01T00:00:00Z", replacements=("openai.gpt-6",)),
}
TENANCY = Tenancy(
    (
        *(CHANGED.get(name) or TenancyModel(name) for name in KNOWN),
        TenancyModel("acme.large-1"),
        TenancyModel("acme.large-2", created="2099-01-01T00:00:00Z"),
        TenancyModel("ocid1.generativeaimodel.x", custom=True),
    )
)


@pytest.fixture
def oci() -> Iterator[LocalOCI]:
    with LocalOCI(tenancy=TENANCY) as served:
        yield served


def run(oci: LocalOCI, home: Path, *arguments: str, **more: str):
    local_settings(oci, home)
    environment = {
        "SIXPLANE_HOME": str(home),
        "SIXPLANE_MODELS__PROVIDER": "oci",
        "SIXPLANE_OCI__CONFIG_FILE": str(home.parent / "oci-keys" / "config"),
        "SIXPLANE_OCI__MANAGEMENT_ENDPOINT": oci.url,
        "SIXPLANE_OCI__COMPARTMENT_ID": COMPARTMENT,
        **more,
    }
    return CliRunner().invoke(app, ["models", "--live", *arguments], env=environment)


def test_each_difference_is_a_line_that_says_what_to_do(oci: LocalOCI, tmp_path: Path) -> None:
    result = run(oci, tmp_path / "home")
    assert result.exit_code == 0, result.stderr
    assert result.stdout.splitlines() == [
        "unknown   acme.large-1: the catalogue does not have it; declare it under `[models.declared]` to use it",
        "new       acme.large-2: released on 2099-01-01; declare it under `[models.declared]` to use it",
        "elsewhere google.gemini-2.5-flash: not in us-chicago-1, but in us-ashburn-1, us-phoenix-1",
        "unknown   ocid1.generativeaimodel.x: a model of your own; declare it under `[models.declared]` to use it",
        "retired   openai.gpt-5: the tenancy says on 2026-11-01; use openai.gpt-6 instead",
    ]
    assert "5 differences" in result.stderr
    assert {call.path for call in oci.calls} == {"models", "modelDiscovery"}
    assert all(call.verified for call in oci.calls)
    assert len(oci.calls) > len(KNOWN)  # two models a page, in both lists


def test_a_declared_model_is_no_difference(oci: LocalOCI, tmp_path: Path) -> None:
    declared = '{"acme.large-1": {"price_micro_usd": [1, 1]}}'
    result = run(oci, tmp_path / "home", "--json", SIXPLANE_MODELS__DECLARED=declared)
    found = {(finding["kind"], finding["model"]) for finding in json.loads(result.stdout)}
    assert ("retired", "openai.gpt-5") in found
    assert not [model for _, model in found if model == "acme.large-1"]


@pytest.mark.parametrize(
    ("fault", "status", "words"),
    [
        (Fault("status", "models", times=9, status=404), 5, ("allow group", "COMPARTMENT_ID")),
        (Fault("status", "modelDiscovery", times=9, status=401), 5, ("key", "clock")),
        (Fault("status", "models", times=9, status=200, body="<html>hi</html>"), 5, ("MANAGEMENT_ENDPOINT", "proxy")),
        (Fault("status", "models", times=9, status=200, body={"items": [{"id": 7}]}), 5, ("MANAGEMENT_ENDPOINT",)),
        (Fault("status", "models", times=9, status=200, body={"models": []}), 5, ("MANAGEMENT_ENDPOINT",)),
    ],
)
def test_what_the_service_refuses_names_the_remedy(
    oci: LocalOCI, tmp_path: Path, fault: Fault, status: int, words: tuple[str, ...]
) -> None:
    oci.faults.add(fault)
    result = run(oci, tmp_path / "home")
    assert result.exit_code == status, result.stderr
    assert "Traceback" not in result.stderr
    for word in words:
        assert word in result.stderr, result.stderr


def test_without_a_compartment_nothing_is_asked(oci: LocalOCI, tmp_path: Path) -> None:
    result = run(oci, tmp_path / "home", SIXPLANE_OCI__COMPARTMENT_ID="")
    assert result.exit_code == 2
    assert "SIXPLANE_OCI__COMPARTMENT_ID" in result.stderr
    assert not oci.calls
