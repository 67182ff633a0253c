"""checkov has nothing to say of the image, the stack and the base, beside what deploy/checkov.yaml explains."""

from __future__ import annotations

import re
import subprocess

import pytest
import yaml

from tests.deploy.settings_of import ROOT

CONFIGURATION = ROOT / "deploy" / "checkov.yaml"


def test_each_rule_that_is_left_out_has_a_reason() -> None:
    text = CONFIGURATION.read_text(encoding="utf-8")
    configuration = yaml.safe_load(text)
    explained = re.findall(r"^  - (CKV_\w+) # \S+ \S+", text, re.MULTILINE)
    assert explained == configuration["skip-check"]
    assert set(configuration["framework"]) == {"dockerfile", "kubernetes", "terraform"}


def test_checkov_is_pinned_with_hashes() -> None:
    lock = (ROOT / "deploy" / "checkov.lock").read_text(encoding="utf-8")
    pins = re.findall(r"^\S+==\S+.*\\\n    --hash=sha256:", lock, re.MULTILINE)
    assert len(pins) == len(re.findall(r"^[a-z0-9][\w.-]*==", lock, re.MULTILINE)) > 50
    assert any(pin.startswith("checkov==") for pin in pins)


@pytest.mark.long
def test_checkov_finds_nothing() -> None:
    """It installs checkov first, unless `make lint-deploy` has done so."""
    done = subprocess.run(["make", "--silent", "lint-deploy"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert len(re.findall(r"Passed checks: [1-9]\d*, Failed checks: 0", done.stdout)) == 3
