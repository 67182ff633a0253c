"""OCI Application Performance Monitoring: spans by OTLP, with a bounded end."""

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

_KEY = re.compile(r"[!-~]+")


class BoundedExporter(SpanExporter):
    """Another exporter until an end is set: then no export begins after it, nor after one that failed."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter, self._end = exporter, float("inf")

    def end_within(self, seconds: float) -> None:
        """Begin no export later than in `seconds`."""
        self._end = time.monotonic() + seconds

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Export `spans` unless it is too late."""
        if time.monotonic() >= self._end:
            return SpanExportResult.FAILURE
        result = self._exporter.export(spans)
        if result is SpanExportResult.FAILURE and self._end != float("inf"):
            self._end = 0.0
        return result

    def shutdown(self) -> None:
        """End the other exporter."""
        self._exporter.shutdown()


class ApmSpanProcessor(BatchSpanProcessor):
    """Sends spans in the background. A dead endpoint delays the end of the process by seconds, not by a queue."""

    def __init__(
        self, exporter: SpanExporter, *, exit_seconds: float = EXIT_SECONDS, delay_seconds: float | None = None
    ) -> None:
        self._bounded, self._exit_seconds = BoundedExporter(exporter), exit_seconds
        delay = delay_seconds * 1000 if delay_seconds else None
        super().__init__(self._bounded, schedule_delay_millis=delay, export_timeout_millis=EXPORT_SECONDS * 1000)

    def shutdown(self) -> None:
        """Export what is queued, within the time that an exit may take."""
        self._bounded.end_within(self._exit_seconds)
        super().shutdown()  # type: ignore[no-untyped-call]


def apm_processor(settings: Settings) -> ApmSpanProcessor:
    """Return the processor that sends spans to `settings.oci.apm_endpoint`.

    Raises:
        SettingsInvalid: the endpoint is no address, or the data key is missing or no key.
    """
    endpoint, key = settings.oci.apm_endpoint.strip(), settings.oci.apm_data_key.get_secret_value().strip()
    if not endpoint.startswith(("https://", "http://")):
        raise SettingsInvalid(
            "SIXPLANE_OCI__APM_ENDPOINT is no address", hint="copy the domain's data upload endpoint, with `https://`"
        )
    if not _KEY.fullmatch(key):  # one that fits no header would be quoted in an error of the HTTP library
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
