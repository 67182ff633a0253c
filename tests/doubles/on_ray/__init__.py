"""Ray clusters for tests: processes of their own, on this machine, that end with the test."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

_QUICK = Path(__file__).with_name("quick")
_ENVIRONMENT = {
    # Ray reads a token once in a process: all clusters that one connects to have the same.
    "RAY_AUTH_MODE": "token",
    "RAY_AUTH_TOKEN": "0123456789abcdef" * 4,
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # the loopback interface, for those who connect too
}


def quick_imports(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for a process that starts a cluster, so that its processes import Ray in half the time."""
    return {**environment, "PYTHONPATH": os.pathsep.join(filter(None, (str(_QUICK), environment.get("PYTHONPATH"))))}


@contextmanager
def open_cluster() -> Iterator[str]:
    """Run a cluster for the block and let `RAY_ADDRESS` name it; yield the address."""
    command = [sys.executable, "-m", "tests.doubles.on_ray.cluster"]
    with pytest.MonkeyPatch.context() as patch:
        for name, value in _ENVIRONMENT.items():
            patch.setenv(name, value)
        given = {"env": quick_imports(os.environ), "stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        with subprocess.Popen(command, **given) as process:
            address = process.stdout.readline().strip()
            patch.setenv("RAY_ADDRESS", address)
            try:
                yield address
            finally:
                process.stdin.close()  # which it waits for
