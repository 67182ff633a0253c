"""A local OCI for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.doubles.oci import LocalOCI
from tests.experience.deploy.rig import Rig


@pytest.fixture
def rig() -> Iterator[Rig]:
    with LocalOCI(lambda _: "", embed="hash") as oci:
        yield Rig(oci)
        assert not oci.rejected, "a request was not signed as it should be"
