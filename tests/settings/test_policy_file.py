"""A policy file: what it holds, and what is refused."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

import pytest

from settings import load_settings
from settings.policy import PolicySettings
from settings.policy_file import MAX_BYTES, load_policy
from state.errors import SettingsInvalid

EXAMPLE = Path(__file__).resolve().parents[2] / "policy.example.toml"


@pytest.fixture(autouse=True)
def _no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SIXPLANE_POLICY__TIMEOUT_SECONDS", raising=False)  # tests/conftest.py sets it


def policy(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "policy.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_the_example_holds_every_key_with_its_default() -> None:
    given, defaults = tomllib.loads(EXAMPLE.read_text()), PolicySettings().model_dump(mode="json")
    assert set(given) == set(defaults)
    assert given["personal_data"] == {
        key: value for key, value in defaults["personal_data"].items() if value is not None
    }
    assert load_policy(EXAMPLE) == PolicySettings(version="1")


def test_a_policy_file_may_name_the_folder_of_a_model(tmp_path: Path) -> None:
    path = policy(tmp_path, 'version = "1"\n[personal_data]\nnames_model = "/models/ner"\n')
    assert load_policy(path).personal_data.names_model == Path("/models/ner")


def test_the_settings_take_the_policy_from_the_file_beside_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    policy(tmp_path, 'version = "2026-11"\ndeny = ["Project Falcon"]\n')
    (tmp_path / "sixplane.toml").write_text('policy_file = "policy.toml"\n')
    assert load_settings().policy == PolicySettings(version="2026-11", deny=("Project Falcon",))
    monkeypatch.setenv("SIXPLANE_POLICY__REDACT_OCIDS", "true")
    with pytest.raises(SettingsInvalid, match=r"`policy_file` is set, and so is `policy\.redact_ocids`") as told:
        load_settings()
    assert "SIXPLANE_POLICY__" in told.value.hint


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('version = "1"\nredact_ocid = true', "`redact_ocid` is not a known field"),
        ('version = "1"\nredact_ocids = "yes"', "`redact_ocids` must be true or false"),
        ('version = "1"\ntimeout_seconds = "10"', "`timeout_seconds` must be a number"),
        ('version = "1"\ntimeout_seconds = inf', "`timeout_seconds` must be at most 3600"),
        ('version = "1"\ninjection_flag_above = nan', "`injection_flag_above` must be at most 1"),
        ('version = "1"\ndeny = "one"', "`deny` must be a list"),
        ('version = "1"\ndeny = 2026-11-27', "`deny` must be a list"),
        ("version = 1", "`version` must be text"),
        ('version = "two words"', "`version` must match"),
        ("redact_ocids = true", "has no `version`"),
        ("", "has no `version`"),
        ("version = ", "is no TOML: Invalid value"),
        (b"\xff\xfe\x00", "is no TOML: UnicodeDecodeError"),
        ("version = " + "[" * 50_000, "is no TOML: "),
        ("version = " + "9" * 50_000, "is no TOML: ValueError"),
        ("#" * (10 * 1024 * 1024), f"is larger than {MAX_BYTES // 1024} kB"),
    ],
    ids=range(16),
)
def test_what_does_not_fit_names_key_and_remedy_but_no_folder(tmp_path: Path, text: str | bytes, told: str) -> None:
    with pytest.raises(SettingsInvalid) as raised:
        load_settings(policy_file=policy(tmp_path, text))
    assert told in raised.value.message
    assert "`policy.toml`" in raised.value.message
    assert raised.value.hint
    assert str(tmp_path) not in f"{raised.value.message} {raised.value.hint}"


def test_a_file_that_is_missing_a_folder_a_pipe_or_unreadable_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name in ("missing.toml", ".", "pipe"):
        with pytest.raises(SettingsInvalid, match="does not exist, or is no file"):
            load_policy(tmp_path / name)
    path = policy(tmp_path, 'version = "1"')

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", refuse)  # root may read everything
    with pytest.raises(SettingsInvalid, match="cannot be read: Permission denied") as raised:
        load_policy(path)
    assert str(tmp_path) not in raised.value.message
