"""The public names of the package, and what importing it does not load."""

import subprocess
import sys

import observability


def test_every_public_name_resolves_and_every_name_imported_is_public() -> None:
    imported = {name for name, value in vars(observability).items() if getattr(value, "__module__", "") != "__future__"}
    objects = {name for name in imported if hasattr(vars(observability)[name], "__qualname__")}
    assert objects == set(observability.__all__)


def test_importing_the_package_loads_neither_the_oci_sdk_nor_the_metrics_sdk() -> None:
    code = "import sys, observability; print({'oci', 'opentelemetry.sdk.metrics.export'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
