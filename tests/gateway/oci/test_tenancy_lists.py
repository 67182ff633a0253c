"""Lists of the management API: a failure is told at once, and pages have an end."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from oci.exceptions import ServiceError

from gateway.oci.pages import all_pages
from gateway.oci.tenancy import tenancy_models
from state.errors import DependencyUnavailable
from tests.doubles.oci import Fault, LocalOCI
from tests.doubles.oci.session import local_session


def test_a_service_that_is_down_is_asked_once_because_the_session_retries_nothing() -> None:
    with LocalOCI(lambda _: "", embed="hash") as oci:
        oci.faults.add(Fault("status", times=1, status=503))
        with pytest.raises(ServiceError) as caught:
            tenancy_models(local_session(oci), oci.url)
        assert caught.value.status == 503
        assert len(oci.calls) == 1
        assert tenancy_models(local_session(oci), oci.url) == []


def test_a_page_that_comes_again_ends_the_list() -> None:
    answers = iter(["2", "3", "2", ""])

    def operation(of: str, page: str = "") -> SimpleNamespace:
        return SimpleNamespace(data=SimpleNamespace(items=[of + page]), headers={"opc-next-page": next(answers)})

    with pytest.raises(DependencyUnavailable, match="same page"):
        all_pages(operation, "item")
    assert next(answers) == ""
