"""The command that trains the classifier tells what it needs before it begins."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "--embeddings"),
        (("--embeddings", "retrieval.embeddings:Nothing", "."), "Nothing"),
        (("--embeddings", "no_such_module:Model", "."), "no_such_module"),
        (("--embeddings", "retrieval.embeddings:LocalEmbeddings", "no-such-folder"), "no-such-folder"),
    ],
)
def test_what_is_missing_is_named(arguments, said):
    done = subprocess.run(
        [sys.executable, "-m", "policy.train", *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert said in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
