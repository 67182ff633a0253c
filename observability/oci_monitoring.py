"""OCI Monitoring: metrics of calls, posted as custom metrics of the compartment."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from opentelemetry.sdk.metrics import Counter, Histogram
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    HistogramDataPoint,
    MetricExporter,
    MetricExportResult,
    MetricsData,
    NumberDataPoint,
)

from observability.call_metrics import MetricsSink, in_dollars, points
from observability.delivery_tally import DeliveryTally
from observability.oci_delivery import Courier, sink_client
from settings import Settings
from settings.connections.oci_session import OCISession
from state.errors import SettingsInvalid

ENDPOINT_TEMPLATE = "https://telemetry-ingestion.{region}.{secondLevelDomain}"
"""The SDK's default for this client is the query endpoint (`telemetry.…`), which accepts no metrics."""

# Limits of the service, from the docstrings of the SDK's `MonitoringClient`.
MAX_STREAMS = 50
MAX_DIMENSIONS, MAX_KEY, MAX_VALUE = 20, 256, 512
PAST_SECONDS, FUTURE_SECONDS = 2 * 3600, 10 * 60

Point = NumberDataPoint | HistogramDataPoint

_NAMESPACE = re.compile(r"(?!oci_|oracle_)[a-z][a-z0-9_]{0,255}", re.IGNORECASE | re.ASCII)
_NOT_IN_KEYS = re.compile(r"[^!-~]")


class OCIMonitoringExporter(MetricExporter):
    """Posts the counts since the last export, at most 50 streams per request.

    Data points that the service refuses, that do not reach it, or that are too old for it are lost and counted.

    Args:
        client: an `oci.monitoring.MonitoringClient` at the ingestion endpoint.
        namespace: the namespace of the custom metrics.
        compartment_id: the compartment of the metrics.
        tally: counts the data points.
    """

    def __init__(self, client: Any, namespace: str, compartment_id: str, tally: DeliveryTally) -> None:
        delta = AggregationTemporality.DELTA
        super().__init__(preferred_temporality={Counter: delta, Histogram: delta})
        self._client, self._namespace, self._compartment = client, namespace, compartment_id
        self._tally, self._courier = tally, Courier("OCI Monitoring", tally)

    def export(
        self,
        metrics_data: MetricsData,
        timeout_millis: float = 10_000,
        **kwargs: Any,  # noqa: ARG002 - OpenTelemetry's interface
    ) -> MetricExportResult:
        """Post `metrics_data`; batches that are not sent within `timeout_millis` are lost."""
        found = [(point, *one) for name, point in points(in_dollars(metrics_data)) for one in measured(name, point)]
        if not self._tally.take(len(found)):
            return MetricExportResult.FAILURE
        streams = [self._stream(*each) for each in found if in_window(each[0].time_unix_nano)]
        stale = len(found) - len(streams)
        self._tally.settle(stale, lost=stale)
        deadline = time.monotonic() + timeout_millis / 1000
        batches = [streams[at : at + MAX_STREAMS] for at in range(0, len(streams), MAX_STREAMS)]
        posted = [self._post(batch, deadline) for batch in batches]
        return MetricExportResult.SUCCESS if all(posted) and not stale else MetricExportResult.FAILURE

    def force_flush(self, timeout_millis: float = 10_000) -> bool:  # noqa: ARG002 - OpenTelemetry's interface
        """Nothing is buffered here."""
        return True

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None:  # noqa: ARG002
        """Make no further attempts."""
        self._tally.close()

    def _post(self, batch: Sequence[Any], deadline: float) -> bool:
        from oci.monitoring.models import PostMetricDataDetails

        if time.monotonic() >= deadline or self._tally.closed:
            self._tally.settle(len(batch), lost=len(batch))
            return False
        details = PostMetricDataDetails(metric_data=list(batch), batch_atomicity="NON_ATOMIC")

        def post() -> int:
            # With `NON_ATOMIC` the service answers 200 even if it refused metrics; only this count tells.
            answer = self._client.post_metric_data(details)
            return getattr(answer.data, "failed_metrics_count", 0) or 0

        return self._courier.send(len(batch), post)

    def _stream(self, point: Point, name: str, value: float, further: Mapping[str, str]) -> Any:
        from oci.monitoring.models import Datapoint, MetricDataDetails

        moment = datetime.fromtimestamp(point.time_unix_nano / 1e9, tz=UTC)
        return MetricDataDetails(
            namespace=self._namespace,
            compartment_id=self._compartment,
            name=name,
            dimensions=dimensions({"service": "sixplane", **(point.attributes or {}), **further}),
            datapoints=[Datapoint(timestamp=moment, value=value, count=1)],
        )


def measured(name: str, point: Point) -> Iterator[tuple[str, float, Mapping[str, str]]]:
    """Yield the metrics of a data point: name, value and further dimensions.

    A histogram becomes its sum, its count, and the count of each bucket that is not empty, with its upper bound as
    dimension `le`. Added up from the lowest, the buckets tell every percentile, over any time and any models; a mean or
    a percentile of one minute could not be combined.
    """
    if not isinstance(point, HistogramDataPoint):
        yield name, float(point.value), {}
        return
    yield f"{name}.sum", float(point.sum), {}
    yield f"{name}.count", float(point.count), {}
    bounds = (*map(_bound, point.explicit_bounds), "inf")
    for bound, count in zip(bounds, point.bucket_counts, strict=True):
        if count:
            yield f"{name}.bucket", float(count), {"le": bound}


def _bound(bound: float) -> str:
    return f"{bound:.6g}" if bound < 10**6 else str(int(bound))


def in_window(nanoseconds: int) -> bool:
    """Return whether the service accepts data points of that time: two hours back to ten minutes ahead."""
    age = time.time() - nanoseconds / 1e9
    return -FUTURE_SECONDS < age < PAST_SECONDS


def dimensions(attributes: Mapping[str, Any]) -> dict[str, str]:
    """Return `attributes` in the form that the service accepts: few, short, none empty, keys in printable ASCII."""
    cleaned = (
        (_NOT_IN_KEYS.sub("_", key)[:MAX_KEY], "".join(c for c in str(value) if c.isprintable()).strip()[:MAX_VALUE])
        for key, value in attributes.items()
    )
    return dict([(key, value) for key, value in cleaned if key and value][:MAX_DIMENSIONS])


def checked_namespace(namespace: str) -> str:
    """Return `namespace` if custom metrics may use it.

    Raises:
        SettingsInvalid: it has characters other than letters, digits and `_`, or begins with a reserved prefix.
    """
    if not _NAMESPACE.fullmatch(namespace):
        raise SettingsInvalid(
            f"{namespace[:80]!r} is not a valid namespace for custom metrics",
            hint="set SIXPLANE_OCI__METRICS_NAMESPACE to letters, digits and `_`, not beginning with `oci_` or "
            "`oracle_`, for example to `sixplane`",
        )
    return namespace


def open_monitoring(settings: Settings, session: OCISession, *, interval_seconds: float = 60.0) -> MetricsSink:
    """Return the sink that posts to `settings.oci.metrics_namespace`.

    Raises:
        SettingsInvalid: the namespace is not valid, or there is neither an endpoint nor a region.
    """
    namespace = checked_namespace(settings.oci.metrics_namespace)
    from oci.monitoring import MonitoringClient

    endpoint = settings.oci.monitoring_endpoint
    client = sink_client(session, MonitoringClient, name="monitoring", endpoint=endpoint, template=ENDPOINT_TEMPLATE)
    tally = DeliveryTally()
    exporter = OCIMonitoringExporter(client, namespace, session.compartment_id, tally)
    return MetricsSink("oci_monitoring", exporter, tally, interval_seconds=interval_seconds)
