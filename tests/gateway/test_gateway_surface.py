"""The public names of the gateway, and what importing them does not load."""

import ast
import inspect
import subprocess
import sys

import pytest

import gateway

PROBE = """
import sys

def run(command, arguments):
    sys.argv = arguments
    try:
        command()
    except SystemExit as ended:
        assert not ended.code

{statement}
loaded = {{name.partition(".")[0] for name in sys.modules}}
print(sorted(loaded & {{"oci", "langchain_oci", "openai", "langchain_openai"}}))
"""


def typed_imports():
    """Return the names that `gateway/__init__.py` imports for type checkers, with the modules they come from."""
    tree = ast.parse(inspect.getsource(gateway))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    return {alias.name: node.module for node in imports for alias in node.names}


def test_every_public_name_resolves_from_the_module_that_type_checkers_see():
    assert set(gateway.__all__) == set(gateway._MODULES)
    assert typed_imports() == {name: f"gateway.{module}" for name, module in gateway._MODULES.items()}
    assert all(getattr(gateway, name).__name__ == name for name in gateway.__all__)
    with pytest.raises(AttributeError):
        gateway.nothing  # noqa: B018


@pytest.mark.parametrize(
    "statement",
    [
        "import gateway",
        pytest.param("from gateway import Gateway, GovernedChatModel, Ledger", marks=pytest.mark.long),
        "import gateway.classification, gateway.oci.plane, gateway.oci.failures, gateway.openai.chat",
        "from experience.cli import main; run(main, ['sixplane', '--help'])",
    ],
)
def test_no_provider_s_sdk_is_loaded_before_it_is_used(statement):
    done = subprocess.run([sys.executable, "-c", PROBE.format(statement=statement)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"
