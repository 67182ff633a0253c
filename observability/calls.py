"""One observation per call of a model, embedder, reranker or guard, and the plane that carries it to the sinks.

Holds numbers and names only: no message content, no tenant, no thread. A sink that is down costs nothing but its own
records, which are counted.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Literal, Protocol

from observability.delivery_tally import DeliveryTally
from state.values import Value


class CallObserved(Value):
    """How one call went. `status` is `ok` or an error's `code`; money in integer micro-dollars."""

    operation: Literal["chat", "embeddings", "rerank", "guard"]
    model: str
    provider: str
    status: str
    latency_ms: int
    input_tokens: int = 0
    output_tokens: int = 0
    input_chars: int = 0
    output_chars: int = 0
    cost_micro_usd: int = 0
    role: str = ""
    attempts: int = 1
    memo: bool = False
    request_id: str = ""
    trace_id: str = ""
    span_id: str = ""


class CallSink(Protocol):
    """Where observations go. `observe` only queues; `stop` flushes and may take as long as `timeout_seconds`."""

    name: str
    tally: DeliveryTally

    def observe(self, call: CallObserved) -> None: ...

    def stop(self, timeout_seconds: float) -> None: ...


class CallTelemetry:
    """The sinks of a process. Without any, everything here costs nothing."""

    def __init__(self, sinks: Sequence[CallSink] = ()) -> None:
        self._sinks = tuple(sinks)
        self._stopped = False

    def observe(self, call: CallObserved) -> None:
        """Hand `call` to every sink. Never waits for one and never raises."""
        for sink in self._sinks:
            if self._stopped:
                sink.tally.take()
            else:
                sink.observe(call)

    def dropped(self) -> dict[str, int]:
        """Return what each sink lost: events of `oci_logging`, data points of `oci_monitoring` and `otlp_metrics`."""
        return {sink.name: sink.tally.lost() for sink in self._sinks}

    def shutdown(self, timeout_seconds: float = 5.0) -> None:
        """Flush all sinks at the same time and stop them. Blocks no longer than `timeout_seconds` in all.

        What a sink could not deliver by then counts as dropped, and so does what is observed afterwards.
        """
        if self._stopped:
            return
        self._stopped = True
        deadline = time.monotonic() + timeout_seconds
        stops = [
            threading.Thread(target=sink.stop, args=(timeout_seconds,), name=f"sixplane-{sink.name}", daemon=True)
            for sink in self._sinks
        ]
        for stop in stops:
            stop.start()
        for stop in stops:
            stop.join(max(deadline - time.monotonic(), 0.0))
        for sink in self._sinks:
            sink.tally.close()
