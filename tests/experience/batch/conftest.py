"""The engines that the tests of a job run on."""

from functools import partial

import pytest

from tests.doubles.on_ray import open_cluster
from tests.experience.batch.cases import Case


@pytest.fixture(scope="module")
def cluster():
    """A Ray cluster that the engines of a module's tests connect to."""
    with open_cluster():
        yield


@pytest.fixture(params=["local", pytest.param("ray", marks=pytest.mark.long)])
def on(request, tmp_path):
    """A function that makes a `Case` of the test's folder on one of the engines."""
    if request.param == "ray":
        request.getfixturevalue("cluster")
    return partial(Case, tmp_path, engine=request.param)
