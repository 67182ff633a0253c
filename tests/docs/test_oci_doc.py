"""docs/oci.md names nothing that does not exist, and its figures are those of the code."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from pydantic import BaseModel
from typer.testing import CliRunner

from experience.cli.app import app
from gateway import load_catalog
from settings import Settings, load_settings
from settings.connections.oci_session import BREAKER_SECONDS, PRINCIPAL_SECONDS
from settings.tree import LIMIT_PRESETS
from state.values import Role
from tests.live import test_live_oci

ROOT = Path(__file__).resolve().parents[2]
DOC = (ROOT / "docs" / "oci.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```toml\n(.*?)```", DOC, re.DOTALL)
EXPORTS = dict(re.findall(r"^\$ export (SIXPLANE_\w+)=(\S+)$", DOC, re.MULTILINE))
SECTIONS = "|".join(name for name, field in Settings.model_fields.items() if isinstance(field.default, BaseModel))
KEYS = sorted(set(re.findall(rf"`((?:{SECTIONS})\.[a-z_]++)(?!-)", DOC)))
VARIABLES = sorted(set(re.findall(r"\bSIXPLANE_[A-Z0-9_]+", DOC)))


def exists(path: list[str]) -> bool:
    """Return whether the tree has a setting there."""
    kind: object = Settings
    for name in path:
        if not (isinstance(kind, type) and issubclass(kind, BaseModel)) or name not in kind.model_fields:
            return False
        kind = kind.model_fields[name].annotation
    return True


def test_there_is_something_to_check() -> None:
    assert len(BLOCKS) >= 10
    assert len(KEYS) >= 20
    assert len(VARIABLES) >= 6
    assert not exists(["oci", "nonsense"])


@pytest.mark.parametrize("name", VARIABLES)
def test_every_variable_is_a_setting(name: str) -> None:
    assert exists(name.removeprefix("SIXPLANE_").lower().split("__"))


@pytest.mark.parametrize("name", KEYS)
def test_every_dotted_name_is_a_setting(name: str) -> None:
    assert exists(name.split("."))


@pytest.mark.parametrize("block", BLOCKS)
def test_every_toml_example_is_accepted(block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sixplane.toml").write_text(block, encoding="utf-8")
    shown = load_settings().model_dump(mode="json")
    for section, values in tomllib.loads(block).items():
        for name, value in values.items():
            assert shown[section][name] == "**********" or holds(shown[section][name], value)


def holds(shown: object, value: object) -> bool:
    """Return whether `shown` has what `value` says, beside defaults."""
    if isinstance(value, dict) and isinstance(shown, dict):
        return all(holds(shown[name], each) for name, each in value.items())
    return shown == value


def test_the_exported_variables_are_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in EXPORTS.items():
        monkeypatch.setenv(name, value)
    settings = load_settings()
    assert settings.models.provider in ("oci", "oci-openai")
    assert settings.oci.compartment_id.startswith("ocid1.compartment.")


def test_every_setting_of_oci_that_a_user_needs_is_told() -> None:
    told = {key for block in BLOCKS for key in tomllib.loads(block).get("oci", {})}
    told |= {key.removeprefix("oci.") for key in KEYS} | {name.rpartition("__")[2].lower() for name in VARIABLES}
    elsewhere = {"vault_endpoint"}
    assert set(Settings.model_fields["oci"].default.model_dump()) - told - elsewhere == set()


def test_the_presets_are_those_of_the_code() -> None:
    rows = re.findall(r"^\| `(\w+)`[^|]*\| ([^|]+) \| ([^|]+) \|$", DOC, re.MULTILINE)
    limits = {
        name: tuple(int(cell.replace(",", "")) if cell[0].isdigit() else None for cell in cells)
        for name, *cells in rows
    }
    assert limits == LIMIT_PRESETS


def test_the_figures_are_those_of_the_code() -> None:
    told = " ".join(DOC.split())
    assert f"costs at most {test_live_oci.LIMIT_MICRO_USD / 1e6:.2f} USD" in told
    assert f"a hard limit of the ledger caps {test_live_oci.LEDGER_LIMIT_MICRO_USD / 1e6:.2f};" in told
    assert (PRINCIPAL_SECONDS, BREAKER_SECONDS) == (10, 10)
    catalog = load_catalog(prices={})
    assert f"general model `{catalog.for_role(Role.WRITER, 'oci').id}`" in told
    assert f"fast model `{catalog.for_role(Role.RESEARCHER, 'oci').id}`" in told
    assert f"end at {catalog.for_role(Role.WRITER, 'oci').output_cap:,} tokens on demand" in told
    dedicated = catalog.get("ocid1.generativeaiendpoint.oc1.us-chicago-1.example")
    assert f"{dedicated.context_window:,} tokens of context, {dedicated.output_cap:,} of answer" in told


def test_the_commands_and_files_exist() -> None:
    for name in set(re.findall(r"`?sixplane ([a-z]+)", DOC)) - {"in", "to"}:
        assert CliRunner().invoke(app, [name, "--help"]).exit_code == 0, name
    assert "--live" in CliRunner().invoke(app, ["doctor", "--help"], env={"COLUMNS": "200", "TERM": "dumb"}).stdout
    for path in re.findall(r"`((?:tests|docs)/[\w/.]+)`", DOC):
        assert (ROOT / path).exists(), path
    for link in re.findall(r"\]\(([\w.]+\.md)\)", DOC):
        assert (ROOT / "docs" / link).is_file(), link
