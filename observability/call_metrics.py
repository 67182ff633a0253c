"""Metrics of calls: the instruments, and the OTLP exporter that the standard variables configure.

Import it only when telemetry opens: it loads the metrics SDK.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.metrics import Meter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import (
    HistogramDataPoint,
    Metric,
    MetricExporter,
    MetricExportResult,
    MetricsData,
    NumberDataPoint,
    PeriodicExportingMetricReader,
    Sum,
)
from opentelemetry.sdk.resources import SERVICE_NAME, Resource

from observability.calls import CallObserved
from observability.delivery_tally import DeliveryTally

COST = "genai_cost_usd"
MICRO = 1_000_000
EXPORT_SECONDS = 10.0


class MetricsSink:
    """Counts calls, and exports the counts every `interval_seconds` (`None`: as `OTEL_METRIC_EXPORT_*` says).

    A call answered from the memo reached no provider, so it counts in `genai_memo_hits` only.
    """

    def __init__(
        self, name: str, exporter: MetricExporter, tally: DeliveryTally, *, interval_seconds: float | None = 60.0
    ) -> None:
        self.name, self.tally = name, tally
        ours = (interval_seconds * 1000, EXPORT_SECONDS * 1000) if interval_seconds is not None else (None, None)
        self._reader = PeriodicExportingMetricReader(exporter, *ours)
        resource = Resource.create({SERVICE_NAME: "sixplane"})
        self._provider = MeterProvider([self._reader], resource=resource, shutdown_on_exit=False)
        self._instruments = _Instruments(self._provider.get_meter("sixplane"))

    def observe(self, call: CallObserved) -> None:
        """Count `call`."""
        self._instruments.record(call)

    def stop(self, timeout_seconds: float) -> None:
        """Export the counts since the last export, and stop."""
        self._reader.shutdown(timeout_millis=timeout_seconds * 1000)


class _Instruments:
    def __init__(self, meter: Meter) -> None:
        self._requests = meter.create_counter("genai_requests", "1", "Calls that went to a provider")
        self._memo = meter.create_counter("genai_memo_hits", "1", "Calls that the memo answered")
        self._tokens = meter.create_counter("genai_tokens", "1", "Tokens, by direction")
        self._characters = meter.create_counter("genai_characters", "1", "Characters, by direction")
        self._cost = meter.create_counter(COST, "USD", "Cost; integer micro-dollars until it is exported")
        self._latency = meter.create_histogram("genai_latency_ms", "ms", "Latency of a call with all its attempts")

    def record(self, call: CallObserved) -> None:
        attributes = {"service": "sixplane", "model": call.model, "status": call.status}
        if call.memo:
            self._memo.add(1, attributes)
            return
        self._requests.add(1, attributes)
        self._latency.record(call.latency_ms, attributes)
        if call.cost_micro_usd:
            self._cost.add(call.cost_micro_usd, attributes)
        for direction, tokens, characters in (
            ("input", call.input_tokens, call.input_chars),
            ("output", call.output_tokens, call.output_chars),
        ):
            directed = {**attributes, "direction": direction}
            if tokens:
                self._tokens.add(tokens, directed)
            if characters:
                self._characters.add(characters, directed)


def points(data: MetricsData) -> Iterator[tuple[str, NumberDataPoint | HistogramDataPoint]]:
    """Yield each data point of `data` with its metric's name."""
    for resource in data.resource_metrics:
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                for point in metric.data.data_points:
                    if isinstance(point, NumberDataPoint | HistogramDataPoint):
                        yield metric.name, point


def in_dollars(data: MetricsData) -> MetricsData:
    """Return `data` with the cost in dollars.

    It is counted in integer micro-dollars, since sums of floating-point dollars would drift.
    """
    return MetricsData(
        resource_metrics=[
            replace(
                resource,
                scope_metrics=[
                    replace(scope, metrics=[_in_dollars(metric) for metric in scope.metrics])
                    for scope in resource.scope_metrics
                ],
            )
            for resource in data.resource_metrics
        ]
    )


def _in_dollars(metric: Metric) -> Metric:
    if metric.name != COST or not isinstance(metric.data, Sum):
        return metric
    divided = [replace(point, value=point.value / MICRO) for point in metric.data.data_points]
    return replace(metric, data=replace(metric.data, data_points=divided))


class CountingOTLPExporter(OTLPMetricExporter):
    """OTLP over HTTP, configured by the standard variables; counts data points that do not arrive."""

    def __init__(self, tally: DeliveryTally) -> None:
        super().__init__()
        self._tally = tally

    def export(
        self, metrics_data: MetricsData, timeout_millis: float | None = 10_000, **kwargs: Any
    ) -> MetricExportResult:
        """Send `metrics_data`, with the cost in dollars."""
        items = sum(1 for _ in points(metrics_data))
        if not self._tally.take(items):
            return MetricExportResult.FAILURE
        result = super().export(in_dollars(metrics_data), timeout_millis, **kwargs)
        self._tally.settle(items, lost=0 if result is MetricExportResult.SUCCESS else items)
        return result


def open_otlp_metrics() -> MetricsSink:
    """Return the sink that the standard `OTEL_EXPORTER_OTLP_*` variables configure."""
    tally = DeliveryTally()
    return MetricsSink("otlp_metrics", CountingOTLPExporter(tally), tally, interval_seconds=None)
