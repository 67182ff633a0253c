"""Each notebook runs on a real kernel from its first cell to its last; what is committed holds no outputs."""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat
import pytest
from jupyter_client import KernelManager
from jupyter_client.kernelspec import KernelSpec
from nbclient import NotebookClient

FOLDER = Path(__file__).parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
PICTURES = {"01": 1, "02": 1, "03": 3, "04": 2, "05": 1, "06": 1}
"""How many outputs at least are pictures or rich HTML."""


class Kernel(KernelManager):
    """This interpreter, whether or not a kernel is installed for it."""

    @property
    def kernel_spec(self):
        command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=command, display_name="here", language="python")


def outputs(notebook):
    return [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]


def test_the_six_notebooks_are_here():
    assert [path.name[:2] for path in NOTEBOOKS] == sorted(PICTURES)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_what_is_committed_holds_no_outputs(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.outputs for cell in code] == [[]] * len(code)
    assert {cell.execution_count for cell in code} == {None}
    assert len({cell.id for cell in notebook.cells}) == len(notebook.cells)


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs_from_its_first_cell_to_its_last(path, tmp_path):
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(notebook, km=Kernel(), timeout=120, resources={"metadata": {"path": str(FOLDER)}})
    client.execute()
    found = outputs(notebook)
    assert not [output for output in found if output.output_type == "error"]
    rich = [output for output in found if {"text/html", "image/png"} & set(output.get("data", {}))]
    assert len(rich) >= PICTURES[path.name[:2]]
    assert "Traceback" not in "".join(output.get("text", "") for output in found)
