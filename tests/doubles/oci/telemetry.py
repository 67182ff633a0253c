"""The bodies of the telemetry services: Monitoring's rules, Logging's entries, APM's spans."""

from __future__ import annotations

import gzip
import re
from datetime import UTC, datetime, timedelta
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

MAX_STREAMS = 50
OLDEST, NEWEST = timedelta(hours=2), timedelta(minutes=10)
_NAMESPACE = re.compile(r"(?!oci_|oracle_)[A-Za-z][A-Za-z0-9_]*")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9._$-]*")
_KEY = re.compile(r"[!-~]{1,256}")


def too_many_streams(data: list[dict[str, Any]]) -> bool:
    """Return whether one call carries more unique streams than Monitoring takes."""
    streams = {
        (item["namespace"], item["name"], item.get("resourceGroup"), str(sorted(item["dimensions"].items())))
        for item in data
    }
    return len(streams) > MAX_STREAMS


def sorted_metrics(data: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the metrics that Monitoring accepts, and `failedMetrics` for the others."""
    now = datetime.now(UTC)
    wrong = [_wrong(item, now) for item in data]
    accepted = [item for item, why in zip(data, wrong, strict=True) if not why]
    return accepted, [{"message": why, "metricData": item} for item, why in zip(data, wrong, strict=True) if why]


def _wrong(item: dict[str, Any], now: datetime) -> str:
    """Return the first rule that a metric breaks."""
    if not _NAMESPACE.fullmatch(item["namespace"]):
        return "the namespace is reserved or malformed"
    if not _NAME.fullmatch(item["name"]):
        return "the name is malformed"
    if not 1 <= len(item["dimensions"]) <= 20:
        return "1 to 20 dimensions"
    if not all(_KEY.fullmatch(key) and 1 <= len(value) <= 512 for key, value in item["dimensions"].items()):
        return "a dimension is malformed"
    times = [datetime.fromisoformat(point["timestamp"]) for point in item["datapoints"]]
    if not times or not all(now - OLDEST <= at <= now + NEWEST for at in times):
        return "a timestamp is outside the window"
    return ""


def log_entries(body: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the entries of a `put_logs`. Raises `TypeError` or `LookupError` for one that Logging does not take."""
    found = [entry for batch in body["logEntryBatches"] for entry in batch["entries"]]
    if any(not isinstance(entry["data"], str) or not entry["id"] for entry in found):
        raise TypeError("`data` is a string and `id` is required")
    return found


def decoded_spans(body: bytes, encoding: str) -> list[Any]:
    """Return the spans of an OTLP request. Raises protobuf's `DecodeError`."""
    sent = ExportTraceServiceRequest.FromString(gzip.decompress(body) if encoding == "gzip" else body)
    return [span for group in sent.resource_spans for scope in group.scope_spans for span in scope.spans]
