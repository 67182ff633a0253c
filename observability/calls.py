"""One record per call of a model, embedder, reranker or guard, and its way to the sinks.

A record holds numbers and names only: no message content, no tenant, no thread. If a sink is down, only its own records
are lost, and they are counted.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Literal, Protocol

from observability.delivery_tally import DeliveryTally
from state.values import Value


class CallObserved(Value):
    """The record of one call. `status` is `ok` or the `code` of an error; money is in integer micro-dollars."""

    operation: Literal["chat", "embeddings", "rerank", "guard", "search"]
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
    """Receives records. `observe` only queues one; `stop` flushes the queue and takes at most `timeout_seconds`."""

    name: str
    tally: DeliveryTally

    def observe(self, call: CallObserved) -> None: ...

    def stop(self, timeout_seconds: float) -> None: ...


class CallTelemetry:
    """The sinks of a process; without sinks its methods do nothing."""

    def __init__(self, sinks: Sequence[CallSink] = ()) -> None:
        self._sinks = tuple(sinks)
        self._stopped = False

    def observe(self, call: CallObserved) -> None:
        """Pass `call` to every sink. Never blocks and never raises."""
        for sink in self._sinks:
            if self._stopped:
                sink.tally.take()
            else:
                sink.observe(call)

    def dropped(self) -> dict[str, int]:
        """Return how many items each sink lost: events (`oci_logging`) or data points (the others)."""
        return {sink.name: sink.tally.lost() for sink in self._sinks}

    def shutdown(self, timeout_seconds: float = 5.0) -> None:
        """Flush and stop all sinks at the same time. Blocks for at most `timeout_seconds` in total.

        Items that a sink could not deliver by then count as lost, and so do calls observed afterwards. The threads are
        daemons: one that hangs in a connection must not keep the process alive.
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
