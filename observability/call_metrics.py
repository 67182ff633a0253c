"""Metrics of calls: the instruments, and the OTLP exporter that the standard variables configure.

Import it only when telemetry opens: it loads the metrics SDK.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.metrics import CallbackOptions, Meter, Observation
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
from observability.metrics_table import (
    ABSTENTIONS,
    CHARACTERS,
    COST,
    DURATION,
    MEMO_HITS,
    METRICS,
    NODE_SECONDS,
    QUEUE,
    RETRIEVAL_SECONDS,
    RUN_SECONDS,
    RUNS,
    TOKEN_USAGE,
    VERDICTS,
)
from observability.watching import OperationEnded, listen, queue_length

ABSTAINED = "abstained"
"""The status of a run that does not answer."""
MICRO = 1_000_000
EXPORT_SECONDS = 10.0


class MetricsSink:
    """Measures calls, runs and their operations, and exports every `interval_seconds`.

    With `None` it does so as `OTEL_METRIC_EXPORT_*` says. A call answered from the memo reached no provider, so it
    counts in `sixplane.memo.hits` only. Operations are those of the whole process.
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
        self._unheard = listen(self._instruments.ended)

    def observe(self, call: CallObserved) -> None:
        """Count `call`."""
        self._instruments.record(call)

    def stop(self, timeout_seconds: float) -> None:
        """Export the counts since the last export, and stop."""
        self._unheard()
        self._reader.shutdown(timeout_millis=timeout_seconds * 1000)


class _Instruments:
    def __init__(self, meter: Meter) -> None:
        self._counters = {
            each: meter.create_counter(each.name, each.unit, each.tells) for each in METRICS if each.kind == "counter"
        }
        self._histograms = {
            each: meter.create_histogram(
                each.name, each.unit, each.tells, explicit_bucket_boundaries_advisory=each.buckets
            )
            for each in METRICS
            if each.kind == "histogram"
        }
        meter.create_observable_gauge(QUEUE.name, [_waiting], QUEUE.unit, QUEUE.tells)

    def record(self, call: CallObserved) -> None:
        attributes = {
            "gen_ai.operation.name": call.operation,
            "gen_ai.provider.name": call.provider,
            "gen_ai.request.model": call.model,
        }
        if call.memo:
            self._counters[MEMO_HITS].add(1, attributes)
            return
        failed = {} if call.status == "ok" else {"error.type": call.status}
        self._histograms[DURATION].record(call.latency_ms / 1000, {**attributes, **failed})
        if call.cost_micro_usd:
            self._counters[COST].add(call.cost_micro_usd, attributes)
        for direction, tokens, characters in (
            ("input", call.input_tokens, call.input_chars),
            ("output", call.output_tokens, call.output_chars),
        ):
            directed = {**attributes, "gen_ai.token.type": direction}
            if tokens:
                self._histograms[TOKEN_USAGE].record(tokens, directed)
            if characters:
                self._counters[CHARACTERS].add(characters, directed)

    def ended(self, operation: OperationEnded) -> None:
        told = operation.attributes
        failed = {"error.type": operation.error} if operation.error else {}
        if operation.operation == "execute_node" and "sixplane.handler" not in told:
            self._histograms[NODE_SECONDS].record(operation.seconds, {"node": operation.target, **failed})
        elif operation.operation == "retrieval":
            mode = str(told.get("sixplane.retrieval.mode", ""))
            self._histograms[RETRIEVAL_SECONDS].record(operation.seconds, {"mode": mode, **failed})
        elif operation.operation == "guard":
            action = operation.error or str(told.get("sixplane.guard.action", ""))
            self._counters[VERDICTS].add(1, {"stage": operation.target, "action": action})
        elif operation.operation == "invoke_workflow":
            status = str(told.get("sixplane.status") or operation.error or "paused")
            self._counters[RUNS].add(1, {"status": status})
            self._histograms[RUN_SECONDS].record(operation.seconds, {"status": status})
            if status == ABSTAINED:
                self._counters[ABSTENTIONS].add(1, {"reason": str(told.get("sixplane.stop_reason", ""))})


def _waiting(_: CallbackOptions) -> Iterator[Observation]:
    length = queue_length()
    if length is not None:
        yield Observation(length)


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
    if metric.name != COST.name or not isinstance(metric.data, Sum):
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
