"""The metrics that Sixplane emits: one table for the instruments, the documentation and the dashboard's test.

Names, units and buckets of `gen_ai.*` are those of OpenTelemetry's semantic conventions for generative AI
(https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-metrics/); the others are ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["counter", "histogram", "gauge"]

CALL_SECONDS = tuple(0.01 * 2**n for n in range(14))
"""The conventions' buckets for the duration of a call: 10 ms to 82 s."""

LONG_SECONDS = tuple(0.01 * 2**n for n in range(18))
"""The same up to 22 minutes, for nodes and runs."""

TOKENS = tuple(float(4**n) for n in range(14))
"""The conventions' buckets for tokens."""


@dataclass(frozen=True)
class Metric:
    """One metric: its instrument, unit (UCUM), attributes, and the upper bounds of a histogram's buckets."""

    name: str
    kind: Kind
    unit: str
    tells: str
    attributes: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


_CALL = ("gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.request.model")

DURATION = Metric(
    "gen_ai.client.operation.duration",
    "histogram",
    "s",
    "seconds of a call with all its attempts; its count is the number of calls",
    (*_CALL, "error.type"),
    CALL_SECONDS,
)
TOKEN_USAGE = Metric(
    "gen_ai.client.token.usage",
    "histogram",
    "{token}",
    "tokens of a call",
    (*_CALL, "gen_ai.token.type"),
    TOKENS,
)
CHARACTERS = Metric(
    "sixplane.characters", "counter", "{character}", "characters of calls", (*_CALL, "gen_ai.token.type")
)
COST = Metric("sixplane.cost", "counter", "USD", "cost of calls, exact to the micro-dollar", _CALL)
MEMO_HITS = Metric(
    "sixplane.memo.hits", "counter", "{call}", "calls that the memo answered; they reach no provider", _CALL
)
RUNS = Metric("sixplane.runs", "counter", "{run}", "runs that ended or paused", ("status",))
ABSTENTIONS = Metric("sixplane.abstentions", "counter", "{run}", "runs that abstained", ("reason",))
RUN_SECONDS = Metric("sixplane.run.duration", "histogram", "s", "seconds of a run", ("status",), LONG_SECONDS)
NODE_SECONDS = Metric(
    "sixplane.node.duration", "histogram", "s", "seconds of an attempt of a node", ("node", "error.type"), LONG_SECONDS
)
RETRIEVAL_SECONDS = Metric(
    "sixplane.retrieval.duration",
    "histogram",
    "s",
    "seconds of a search, with its reranking",
    ("mode", "error.type"),
    CALL_SECONDS,
)
VERDICTS = Metric("sixplane.guard.verdicts", "counter", "{verdict}", "verdicts of the guards", ("stage", "action"))
QUEUE = Metric("sixplane.queue.length", "gauge", "{run}", "runs that wait for a place in this process")

METRICS = (
    DURATION,
    TOKEN_USAGE,
    CHARACTERS,
    COST,
    MEMO_HITS,
    RUNS,
    ABSTENTIONS,
    RUN_SECONDS,
    NODE_SECONDS,
    RETRIEVAL_SECONDS,
    VERDICTS,
    QUEUE,
)

_SUFFIXES = {"s": "_seconds", "USD": "_USD"}


def prometheus_names(metric: Metric) -> tuple[str, ...]:
    """Return the names of a metric's series in Prometheus, as the OpenTelemetry collector translates them."""
    base = metric.name.replace(".", "_") + _SUFFIXES.get(metric.unit, "")
    if metric.kind == "histogram":
        return tuple(f"{base}_{part}" for part in ("bucket", "sum", "count"))
    return (f"{base}_total",) if metric.kind == "counter" else (base,)


def table() -> str:
    """Return the table of the documentation, in Markdown."""
    lines = ["| metric | kind | unit | what it tells | attributes |", "|---|---|---|---|---|"]
    for each in METRICS:
        named = ", ".join(f"`{name}`" for name in each.attributes)
        lines.append(f"| `{each.name}` | {each.kind} | `{each.unit}` | {each.tells} | {named} |")
    return "\n".join(lines) + "\n"
