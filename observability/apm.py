"""OCI Application Performance Monitoring: spans over OTLP, with a limit on how long the exit may take."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from settings import Settings
from state.errors import SettingsInvalid

TRACES_PATH = "/20200101/opentelemetry/private/v1/traces"
EXPORT_SECONDS, EXIT_SECONDS = 3.0, 2.0
"""Chosen values: the command line waits for the exit, so an endpoint that is down may cost it only seconds."""

_KEY = re.compile(r"[!-~]+")


class BoundedExporter(SpanExporter):
    """Passes spans on to another exporter; once an end is set, starts no export after it or after a failed one.

    `BatchSpanProcessor.shutdown` exports its whole queue, batch by batch, and each batch would wait for the timeout of
    an endpoint that is down.
    """

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter, self._end = exporter, float("inf")

    def end_within(self, seconds: float) -> None:
        """Start no export later than in `seconds`."""
        self._end = time.monotonic() + seconds

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Export `spans`, unless the end has passed."""
        if time.monotonic() >= self._end:
            return SpanExportResult.FAILURE
        result = self._exporter.export(spans)
        if result is SpanExportResult.FAILURE and self._end != float("inf"):
            self._end = 0.0
        return result

    def shutdown(self) -> None:
        """Shut the other exporter down."""
        self._exporter.shutdown()


class ApmSpanProcessor(BatchSpanProcessor):
    """Sends spans in the background. An endpoint that is down delays the end of the process by seconds at most."""

    def __init__(
        self, exporter: SpanExporter, *, exit_seconds: float = EXIT_SECONDS, delay_seconds: float | None = None
    ) -> None:
        self._bounded, self._exit_seconds = BoundedExporter(exporter), exit_seconds
        delay = delay_seconds * 1000 if delay_seconds else None
        super().__init__(self._bounded, schedule_delay_millis=delay, export_timeout_millis=EXPORT_SECONDS * 1000)

    def shutdown(self) -> None:
        """Export the queued spans, within the time that the exit may take."""
        self._bounded.end_within(self._exit_seconds)
        super().shutdown()  # type: ignore[no-untyped-call]


def apm_processor(settings: Settings) -> ApmSpanProcessor:
    """Return the processor that sends spans to `settings.oci.apm_endpoint`.

    Raises:
        SettingsInvalid: the endpoint is not a URL, or the data key is missing or not a key.
    """
    endpoint, key = settings.oci.apm_endpoint.strip(), settings.oci.apm_data_key.get_secret_value().strip()
    if not endpoint.startswith(("https://", "http://")):
        raise SettingsInvalid(
            "SIXPLANE_OCI__APM_ENDPOINT is no address", hint="copy the domain's data upload endpoint, with `https://`"
        )
    if not _KEY.fullmatch(key):  # a key that no header can hold would be quoted in the HTTP library's error
        raise SettingsInvalid(
            "OCI APM needs the domain's data key",
            hint="set SIXPLANE_OCI__APM_DATA_KEY to its private data key, or unset SIXPLANE_OCI__APM_ENDPOINT",
        )
    exporter = OTLPSpanExporter(
        endpoint=endpoint.rstrip("/") + TRACES_PATH,
        headers={"Authorization": f"dataKey {key}"},
        timeout=EXPORT_SECONDS,
    )
    return ApmSpanProcessor(exporter)
