import subprocess
import sys

import pytest

import policy


def test_every_public_name_resolves():
    assert set(policy.__all__) == set(policy._MODULES)
    assert all(getattr(policy, name) is not None for name in policy.__all__)
    with pytest.raises(AttributeError):
        policy.nothing  # noqa: B018


def test_importing_policy_loads_no_recogniser():
    code = (
        "import sys, policy; policy.build_guards; print(any(m.startswith(('presidio', 'spacy')) for m in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
