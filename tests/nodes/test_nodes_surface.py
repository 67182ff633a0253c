"""The public names of the nodes, and what the check and the rendering of a report do not load."""

from __future__ import annotations

import subprocess
import sys

import pytest

import nodes

HEAVY = ("langchain_core", "langgraph", "opentelemetry", "numpy", "retrieval", "gateway", "policy", "asyncio")


def test_every_public_name_resolves() -> None:
    assert set(nodes.__all__) == set(nodes._MODULES)
    assert [getattr(nodes, name).__name__ for name in nodes.__all__] == nodes.__all__
    with pytest.raises(AttributeError):
        nodes.nothing  # noqa: B018


@pytest.mark.parametrize("module", ["experience.verification", "experience.render", "nodes.draft"])
def test_reading_a_report_loads_no_graph(module: str) -> None:
    code = f"import sys, {module}; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
