"""OCI Logging: one structured event per call, in a custom log."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from opentelemetry._logs import LogRecord
from opentelemetry.sdk._logs import LoggerProvider, ReadableLogRecord
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, LogRecordExporter, LogRecordExportResult
from opentelemetry.sdk.resources import SERVICE_NAME, Resource

from observability.calls import CallObserved
from observability.delivery_tally import DeliveryTally
from observability.oci_delivery import Courier, sink_client
from settings import Settings
from settings.connections.oci_session import OCISession

EVENT, SOURCE = "sixplane.genai.call", "sixplane"
MAX_QUEUE, MAX_BATCH = 2048, 200
"""Chosen values. An event is at most a few kilobytes, far below the service's limit of 1 MB per entry."""
MAX_TEXT = 512
"""Most characters of a text field: a provider may send anything as its request id."""


class OCILogExporter(LogRecordExporter):
    """Writes batches of events to a custom log; events that do not arrive after two attempts are lost and counted.

    Args:
        client: an `oci.loggingingestion.LoggingClient`.
        log_id: the OCID of the custom log.
        tally: counts the events.
    """

    def __init__(self, client: Any, log_id: str, tally: DeliveryTally) -> None:
        self._client, self._log_id = client, log_id
        self._tally, self._courier = tally, Courier("OCI Logging", tally)

    def export(self, batch: Sequence[ReadableLogRecord]) -> LogRecordExportResult:
        """Write `batch` to the log."""
        if self._tally.closed:  # pending events already count as lost
            return LogRecordExportResult.FAILURE
        details = _details(batch)

        def put() -> int:
            self._client.put_logs(self._log_id, details)
            return 0

        return LogRecordExportResult.SUCCESS if self._courier.send(len(batch), put) else LogRecordExportResult.FAILURE

    def force_flush(self, timeout_millis: int = 30_000) -> bool:  # noqa: ARG002 - OpenTelemetry's interface
        """Nothing is buffered here."""
        return True

    def shutdown(self) -> None:
        """Make no further attempts."""
        self._tally.close()


class EventsSink:
    """Queues one event per call, and exports them in batches every `delay_seconds` or when a batch is full."""

    def __init__(
        self, name: str, exporter: LogRecordExporter, tally: DeliveryTally, *, delay_seconds: float = 2.0
    ) -> None:
        self.name, self.tally = name, tally
        self._processor = BatchLogRecordProcessor(
            exporter,
            schedule_delay_millis=delay_seconds * 1000,
            max_export_batch_size=MAX_BATCH,
            max_queue_size=MAX_QUEUE,
        )
        provider = LoggerProvider(Resource.create({SERVICE_NAME: "sixplane"}), shutdown_on_exit=False)
        provider.add_log_record_processor(self._processor)
        self._logger = provider.get_logger("sixplane")

    def observe(self, call: CallObserved) -> None:
        """Queue the event of `call`; if the queue is full, the event is lost."""
        if self.tally.take():
            self._logger.emit(timestamp=time.time_ns(), event_name=EVENT, attributes=call.model_dump())

    def copy(self, name: str, text: str) -> None:
        """Queue `text` as it is, as an event of the type `name`; if the queue is full, the event is lost."""
        if self.tally.take():
            self._logger.emit(timestamp=time.time_ns(), event_name=name, body=text)

    def stop(self, timeout_seconds: float) -> None:  # noqa: ARG002 - the SDK has no timeout here; the caller stops waiting
        """Export the queued events, and stop."""
        self._processor.shutdown()  # type: ignore[no-untyped-call]


def _details(batch: Sequence[ReadableLogRecord]) -> Any:
    from oci.loggingingestion.models import LogEntry, LogEntryBatch, PutLogsDetails

    entries: dict[str, list[LogEntry]] = defaultdict(list)
    for record in batch:
        entry = LogEntry(data=_data(record.log_record), id=str(uuid4()), time=_moment(record))
        entries[record.log_record.event_name or EVENT].append(entry)
    now = datetime.now(UTC)
    bundles = [
        LogEntryBatch(entries=some, source=SOURCE, type=name, defaultlogentrytime=now) for name, some in entries.items()
    ]
    return PutLogsDetails(specversion="1.0", log_entry_batches=bundles)


def _data(record: LogRecord) -> str:
    if isinstance(record.body, str):
        return record.body
    attributes: Mapping[str, Any] = record.attributes or {}
    bounded = {key: value[:MAX_TEXT] if isinstance(value, str) else value for key, value in attributes.items()}
    return json.dumps(bounded)


def _moment(record: ReadableLogRecord) -> datetime:
    return datetime.fromtimestamp((record.log_record.timestamp or time.time_ns()) / 1e9, tz=UTC)


def open_logging(
    settings: Settings, session: OCISession, *, log_id: str = "", delay_seconds: float = 2.0
) -> EventsSink:
    """Return the sink that writes to the log `log_id`, by default to `settings.oci.log_id`.

    Raises:
        SettingsInvalid: there is neither an endpoint nor a region.
    """
    from oci.loggingingestion import LoggingClient

    client = sink_client(session, LoggingClient, name="logging", endpoint=settings.oci.logging_endpoint)
    tally = DeliveryTally(MAX_QUEUE)
    exporter = OCILogExporter(client, log_id or settings.oci.log_id, tally)
    return EventsSink("oci_logging", exporter, tally, delay_seconds=delay_seconds)
