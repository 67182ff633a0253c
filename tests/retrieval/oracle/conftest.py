from __future__ import annotations

import pytest

from tests.doubles.oracle import RecordingPool
from tests.retrieval.oracle.scripted import scripted


@pytest.fixture
def pool() -> RecordingPool:
    """A pool that holds one corpus of two passages, 11 and 12."""
    return scripted()
