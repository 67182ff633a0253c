"""Copies of the trail in OCI Logging: each line as it stands in the file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from observability import open_call_telemetry
from observability.audit import AuditTrail, check_trail, trail
from observability.audit.chain import opened
from settings import Settings
from settings.connections.oci_session import OCISession
from tests.observability.audit.test_trail import event
from tests.observability.sink_server import SinkServer
from tests.observability.test_call_telemetry import call, settings_for

LOG = "ocid1.log.oc1..audit"


def batches(sinks: SinkServer) -> list[dict[str, Any]]:
    return [batch for each in sinks.received for batch in each.json["logEntryBatches"]]


@pytest.fixture
def signed(monkeypatch: pytest.MonkeyPatch, session: OCISession) -> None:
    monkeypatch.setattr("settings.connections.oci_session.open_oci_session", lambda _: session)


@pytest.mark.usefixtures("signed")
async def test_each_line_is_copied_as_it_stands_in_the_file(tmp_path: Path, sinks: SinkServer) -> None:
    settings = Settings(home=tmp_path, oci={"logging_endpoint": sinks.url}, audit={"log_id": LOG})
    async with AuditTrail(settings, policy="3fd5") as opened_trail:
        for _ in range(3):
            await opened_trail.record(event(ids=("d" * 190,) * 20))
    assert {each.path.rpartition("/logs/")[2] for each in sinks.received} == {f"{LOG}/actions/push"}
    assert {batch["type"] for batch in batches(sinks)} == {trail.EVENT}
    copies = [entry["data"] for batch in batches(sinks) for entry in batch["entries"]]
    assert copies == opened_trail.path.read_text().splitlines()
    assert [opened(f"{copy}\n".encode())["n"] for copy in copies] == [1, 2, 3]


@pytest.mark.usefixtures("signed")
async def test_a_log_that_takes_nothing_loses_copies_and_no_line(
    tmp_path: Path, sinks: SinkServer, caplog: pytest.LogCaptureFixture
) -> None:
    sinks.answers.append((404, {"code": "NotAuthorizedOrNotFound", "message": "no"}))
    settings = Settings(home=tmp_path, oci={"logging_endpoint": sinks.url}, audit={"log_id": LOG})
    async with AuditTrail(settings, policy="3fd5") as opened_trail:
        await opened_trail.record(event())
    assert check_trail(opened_trail.path).lines == 1
    assert "OCI Logging" in caplog.text


def test_the_events_of_calls_keep_their_type(sinks: SinkServer, session: OCISession) -> None:
    telemetry = open_call_telemetry(settings_for(sinks.url, metrics_namespace=""), session)
    telemetry.observe(call())
    telemetry.shutdown()
    (batch,) = batches(sinks)
    assert (batch["type"], "operation" in json.loads(batch["entries"][0]["data"])) == ("sixplane.genai.call", True)
