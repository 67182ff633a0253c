"""The metrics of runs and their operations, and the dashboard, which names no metric that is not emitted."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.metrics.export import MetricExporter, MetricExportResult, MetricsData

from observability import CallObserved, configure_tracing, operation_span
from observability.call_metrics import MetricsSink, points
from observability.delivery_tally import DeliveryTally
from observability.metrics_table import CALL_SECONDS, METRICS, TOKENS, Metric, prometheus_names
from observability.watching import is_heard, measure_queue
from settings import Settings
from state.errors import BudgetExceeded

DASHBOARD = Path(__file__).resolve().parents[2] / "deploy" / "grafana" / "sixplane.json"
SERIES = re.compile(r"\b(?:gen_ai|sixplane)_\w+(?=[{\[)])")
"""A series in an expression: what stands before its labels, its range, or the end of an aggregation."""


class Kept(MetricExporter):
    """Keeps what is exported."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[MetricsData] = []

    def export(self, metrics_data: MetricsData, timeout_millis: float = 10_000, **_: Any) -> MetricExportResult:
        self.batches.append(metrics_data)
        return MetricExportResult.SUCCESS

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        return True

    def shutdown(self, timeout_millis: float = 30_000, **_: Any) -> None:
        pass

    def told(self) -> dict[tuple[str, ...], float]:
        """Return counts of histograms, and values of the others, by name and values of attributes."""
        return {
            (name, *map(str, (point.attributes or {}).values())): getattr(point, "count", getattr(point, "value", 0))
            for name, point in points(self.batches[-1])
        }


class Line:
    """A queue of three."""

    waiting = 3


def everything(tmp_path: Path) -> Kept:
    """Return what a sink exports after one of everything."""
    configure_tracing(Settings(home=tmp_path, telemetry={"jsonl": False}))
    kept, line = Kept(), Line()
    sink = MetricsSink("kept", kept, DeliveryTally(), interval_seconds=3600)
    measure_queue(line)
    plain: dict[str, Any] = {"operation": "chat", "model": "m", "provider": "oci", "status": "ok", "latency_ms": 9}
    sink.observe(CallObserved(**plain, input_tokens=3, input_chars=9, cost_micro_usd=7))
    sink.observe(CallObserved(**plain, memo=True))
    with operation_span("invoke_workflow", "research") as run:
        with operation_span("execute_node", "writer"):
            pass
        with operation_span("execute_node", "writer", {"sixplane.handler": True}):
            pass
        with pytest.raises(BudgetExceeded), operation_span("execute_node", "analyzer"):
            raise BudgetExceeded("run", 1, 2)
        with operation_span("retrieval", "handbook", {"sixplane.retrieval.mode": "hybrid"}):
            pass
        with operation_span("guard", "question") as guard:
            guard.set_attribute("sixplane.guard.action", "allow")
        run.set_attributes({"sixplane.status": "abstained", "sixplane.stop_reason": "no_evidence"})
    sink.stop(5)
    return kept


def test_runs_nodes_searches_verdicts_and_the_queue_are_measured(tmp_path: Path) -> None:
    told = everything(tmp_path).told()
    ours = {key: value for key, value in told.items() if not key[0].startswith("gen_ai.")}
    assert ours == {
        ("sixplane.characters", "chat", "oci", "m", "input"): 9,
        ("sixplane.cost", "chat", "oci", "m"): 7,
        ("sixplane.memo.hits", "chat", "oci", "m"): 1,
        ("sixplane.runs", "abstained"): 1,
        ("sixplane.run.duration", "abstained"): 1,
        ("sixplane.abstentions", "no_evidence"): 1,
        ("sixplane.node.duration", "writer"): 1,
        ("sixplane.node.duration", "analyzer", "budget_exceeded"): 1,
        ("sixplane.retrieval.duration", "hybrid"): 1,
        ("sixplane.guard.verdicts", "question", "allow"): 1,
        ("sixplane.queue.length",): 3,
    }


def test_what_is_emitted_is_the_table_with_its_units_attributes_and_buckets(tmp_path: Path) -> None:
    (resource,) = everything(tmp_path).batches[-1].resource_metrics
    emitted = {metric.name: metric for scope in resource.scope_metrics for metric in scope.metrics}
    assert set(emitted) == {each.name for each in METRICS}
    for each in METRICS:
        found = emitted[each.name]
        assert (found.unit, found.description) == (each.unit, each.tells)
        for point in found.data.data_points:
            assert set(point.attributes or {}) <= set(each.attributes)
            assert tuple(getattr(point, "explicit_bounds", ())) == each.buckets


def test_the_buckets_of_calls_are_those_of_the_conventions() -> None:
    seconds = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
    assert pytest.approx(seconds) == CALL_SECONDS
    assert TOKENS[:4] + TOKENS[-1:] == (1, 4, 16, 64, 67_108_864)


def test_a_sink_that_has_stopped_is_told_nothing(tmp_path: Path) -> None:
    heard = is_heard()
    everything(tmp_path)
    assert is_heard() is heard


def test_every_panel_names_metrics_that_are_emitted_and_every_metric_has_a_panel() -> None:
    emitted = {name: each for each in METRICS for name in prometheus_names(each)}
    panels = json.loads(DASHBOARD.read_text("utf-8"))["panels"]
    shown: set[Metric] = set()
    for panel in panels:
        named = {name for target in panel["targets"] for name in SERIES.findall(target["expr"])}
        named = {name for name in named if not name.startswith(("gen_ai_request_", "gen_ai_token_"))}  # labels
        assert named, panel["title"]
        assert named <= set(emitted), panel["title"]
        shown |= {emitted[name] for name in named}
    assert shown == set(METRICS)
    assert len({panel["id"] for panel in panels}) == len(panels)
