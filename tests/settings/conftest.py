"""No OCI configuration but the test's own."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No configuration but the test's own."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("OCI_CONFIG_FILE", "OCI_CONFIG_PROFILE", "OCI_COMPARTMENT_ID", "OCI_REGION"):
        monkeypatch.delenv(name, raising=False)
