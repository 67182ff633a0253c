"""A server that takes what the sinks send, and a session to sign with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from weakref import WeakValueDictionary

import pytest
from circuitbreaker import CircuitBreakerMonitor

from settings.connections.oci_session import OCISession
from tests.observability.sink_server import SinkServer, sink_server, throwaway_session


@pytest.fixture
def sinks() -> Iterator[SinkServer]:
    with sink_server() as server:
        yield server


@pytest.fixture(scope="session")
def session() -> OCISession:
    return throwaway_session()


@pytest.fixture(autouse=True)
def closed_breakers() -> Iterator[None]:
    """Breakers are of the process: none stays open for the next test."""
    yield
    for breaker in CircuitBreakerMonitor.get_circuits():
        breaker.reset()


@pytest.fixture(autouse=True)
def _no_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measure no queue of a service that another test has opened in this process."""
    monkeypatch.setattr("observability.watching._queues", WeakValueDictionary[int, Any]())
