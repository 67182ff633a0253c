"""The local OCI that the tests of the double ask."""

from __future__ import annotations

import pytest

from tests.doubles.oci import LocalOCI
from tests.doubles.oci_requests import ANSWER


@pytest.fixture
def oci():
    with LocalOCI(lambda call: ANSWER, embed="hash", data_key="THE-KEY", token="a-token") as served:
        yield served
