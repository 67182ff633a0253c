"""Precedence, refusals, and names that become paths."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from settings import Settings, checked_name, load_settings
from state.errors import NameInvalid, SettingsInvalid

EXAMPLE = Path(__file__).resolve().parents[2] / "sixplane.example.toml"


def test_arguments_go_before_the_environment_before_the_file_before_defaults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sixplane.toml").write_text('[openai]\nbase_url = "http://file"\n[data]\nchunk_chars = 500\n')
    assert load_settings().data.chunk_chars == 500
    monkeypatch.setenv("SIXPLANE_OPENAI__BASE_URL", "http://env")
    assert load_settings().openai.base_url == "http://env"
    assert load_settings(openai={"base_url": "http://arg"}).openai.base_url == "http://arg"


def test_the_example_file_fits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    defaults = load_settings()
    (tmp_path / "sixplane.toml").write_text(EXAMPLE.read_text())
    assert load_settings() == defaults


def settings_of(section: type[BaseModel], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, field in section.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from settings_of(inner, (*path, name))
        else:
            yield (*path, name)


def test_the_example_file_lists_every_setting() -> None:
    table, listed = "", set()
    for line in EXAMPLE.read_text().splitlines():
        if header := re.match(r"\[([\w.]+)\]", line):
            table = header[1]
            listed.add(tuple(table.split(".")))
        elif named := re.match(r"(?:# )?(\w+) = ", line):
            listed.add((*filter(None, table.split(".")), named[1]))
    assert set(settings_of(Settings)) - listed == set()


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("SIXPLANE_MODELS__MAX_ATTEMPTS", "many", "models.max_attempts"),
        ("SIXPLANE_MODELS__PROVIDER", "openai", "needs a default model"),
        ("SIXPLANE_POLICY__PII_ACTION", "redact", "`pii_action` is now `policy.personal_data.default`"),
        ("SIXPLANE_POLICY__PERSONAL_DATA__DEFAULT__ANSWER", "shrug", "policy.personal_data.default.answer"),
    ],
)
def test_what_does_not_fit_is_named(name: str, value: str, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsInvalid, match=told) as raised:
        load_settings()
    assert raised.value.hint


@pytest.mark.parametrize("name", ["hits", "passages_per_sub_question"])
@pytest.mark.parametrize(("value", "fits"), [(0, False), (1, True), (50, True), (51, False)])
def test_the_number_of_passages_has_bounds(name: str, value: int, fits: bool) -> None:
    if fits:
        assert getattr(load_settings(retrieval={name: value}).retrieval, name) == value
        return
    with pytest.raises(SettingsInvalid, match=f"retrieval.{name}"):
        load_settings(retrieval={name: value})


def test_a_secret_does_not_show() -> None:
    settings = load_settings(openai={"api_key": "sk-very-secret"})
    assert "very-secret" not in repr(settings)
    assert "very-secret" not in settings.model_dump_json()


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".hidden", "a..b", "x" * 65, "a\0b", "a b", "-x", "ä"])
def test_names_that_are_no_names(name: str) -> None:
    with pytest.raises(NameInvalid, match="is not a corpus name"):
        checked_name("corpus", name)


@given(st.text(max_size=70))
def test_a_checked_name_never_leaves_its_folder(name: str) -> None:
    try:
        checked = checked_name("corpus", name)
    except NameInvalid:
        return
    base = Path("/home/x")
    assert (base / checked).resolve().parent == base


def test_the_oracle_profile_presets_what_is_not_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIXPLANE_PROFILE", "oracle")
    found = load_settings()
    assert (found.models.provider, found.data.backend, found.data.embeddings) == ("oci", "oracle", "oci")
    monkeypatch.setenv("SIXPLANE_MODELS__PROVIDER", "extractive")
    monkeypatch.setenv("SIXPLANE_DATA__EMBEDDINGS", "local")
    found = load_settings()
    assert (found.models.provider, found.data.backend, found.data.embeddings) == ("extractive", "oracle", "local")
    assert load_settings(profile="embedded").data.backend == "embedded"
