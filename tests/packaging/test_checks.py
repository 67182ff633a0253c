"""The checks before a commit, in CI and of `make check` are the same ones, on the Pythons that are promised."""

from __future__ import annotations

import re

import yaml

from tests.packaging.test_dependencies import PROJECT, ROOT


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def commands(target: str) -> list[str]:
    """Return the commands of a Makefile target, without the environment's folder."""
    recipe = re.search(rf"^{target}:.*\n((?:\t.*\n)+)", read("Makefile"), re.MULTILINE)
    assert recipe
    return [line.strip().removeprefix("$(BIN)/").removesuffix(" .") for line in recipe[1].splitlines()]


def test_the_hooks_run_what_make_check_runs() -> None:
    hooks = yaml.safe_load(read(".pre-commit-config.yaml"))["repos"][0]["hooks"]
    entries = [hook["entry"].removeprefix(".venv/bin/").removesuffix(" --force-exclude") for hook in hooks]
    assert sorted(entries) == sorted(commands("check"))
    assert {hook["language"] for hook in hooks} == {"system"}


def test_ci_runs_the_tests_and_checks_on_every_supported_python() -> None:
    job = yaml.safe_load(read(".github/workflows/ci.yml"))["jobs"]["test"]
    versions = re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["project"]["classifiers"]))
    assert job["strategy"]["matrix"]["python"] == versions
    runs = [step["run"] for step in job["steps"] if "run" in step]
    assert {"make test", "make check", "make site"} <= set(runs)
    lowest, highest = re.findall(r"3\.(\d+)", PROJECT["project"]["requires-python"])
    assert [f"3.{minor}" for minor in range(int(lowest), int(highest))] == versions
