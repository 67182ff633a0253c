"""Each notebook runs on a real kernel from the first cell to the last; the committed notebooks contain no outputs."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import nbformat
import pytest
from jupyter_client import KernelManager
from jupyter_client.kernelspec import KernelSpec
from jupyter_core.utils import run_sync
from nbclient import NotebookClient

from tests.doubles.waiting import SAFETY_SECONDS

FOLDER = Path(__file__).parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
PICTURES = {"01": 1, "02": 1, "03": 3, "04": 2, "05": 1, "06": 1}
"""The least number of outputs per notebook that are pictures or rich HTML."""

LONG = ("02", "03", "04", "05", "06")
"""Each takes up to a minute: `make notebooks` runs them, `make test` only the first."""

EACH = [pytest.param(path, marks=pytest.mark.long if path.name[:2] in LONG else ()) for path in NOTEBOOKS]


class Kernel(KernelManager):
    """A kernel that runs this interpreter, even if no kernel specification is installed for it."""

    pid = 0

    async def _async_post_start_kernel(self, **options):
        await super()._async_post_start_kernel(**options)
        self.pid = self.provisioner.pid

    post_start_kernel = run_sync(_async_post_start_kernel)

    @property
    def kernel_spec(self):
        command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=command, display_name="here", language="python")


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def outputs(notebook):
    return [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]


def test_there_are_six_notebooks():
    assert [path.name[:2] for path in NOTEBOOKS] == sorted(PICTURES)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_committed_notebook_contains_no_outputs(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.outputs for cell in code] == [[]] * len(code)
    assert {cell.execution_count for cell in code} == {None}
    assert len({cell.id for cell in notebook.cells}) == len(notebook.cells)


@pytest.mark.slow
@pytest.mark.parametrize("path", EACH, ids=lambda path: path.stem)
def test_the_notebook_runs_on_a_kernel(path, tmp_path):
    notebook = nbformat.read(path, as_version=4)
    kernel, here = Kernel(), {"metadata": {"path": str(FOLDER)}}
    # By default, nbclient stops only kernels that it started itself. Each one left running would keep 600 MB until the
    # worker ends.
    NotebookClient(notebook, km=kernel, timeout=SAFETY_SECONDS, resources=here).execute(cleanup_kc=True)
    assert kernel.pid
    assert not is_alive(kernel.pid)
    found = outputs(notebook)
    assert not [output for output in found if output.output_type == "error"]
    rich = [output for output in found if {"text/html", "image/png", "image/svg+xml"} & set(output.get("data", {}))]
    assert len(rich) >= PICTURES[path.name[:2]]
    assert "Traceback" not in "".join(output.get("text", "") for output in found)
