"""Delivery to OCI's telemetry services: separate clients with short timeouts, two quick attempts, counted losses."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from observability.delivery_tally import DeliveryTally
from state.errors import DependencyUnavailable, SettingsInvalid

if TYPE_CHECKING:
    from settings.connections.oci_session import OCISession

CONNECT_SECONDS, READ_SECONDS = 2.0, 5.0
TRIES, PAUSE_SECONDS = 2, 0.25
"""Chosen values: a record is worth two quick attempts, not a queue that grows while a service is down. The attempts are
ours because the SDK does not retry `put_logs`, `publish_message` and `post_metric_data` by default."""

Client = TypeVar("Client")
Answer = TypeVar("Answer")

_log = logging.getLogger(__name__)


def sink_client(
    session: OCISession, kind: Callable[..., Client], *, name: str, endpoint: str, template: str = ""
) -> Client:
    """Return the client of a sink, with short timeouts and its own circuit breaker.

    The SDK shares one breaker among all clients of a process by default: after ten 429s from Generative AI, telemetry
    would stop as well.

    Args:
        session: signs the requests.
        kind: a client class of the SDK.
        name: the name of the sink; the setting for its endpoint is named after it.
        endpoint: the endpoint from the settings; empty for that of the region.
        template: the template of the region's endpoint, if that of the SDK is wrong.

    Raises:
        SettingsInvalid: there is neither an endpoint nor a region, or the endpoint is not a URL.
    """
    setting = f"SIXPLANE_OCI__{name.upper()}_ENDPOINT"
    if not endpoint and not session.region:
        raise SettingsInvalid(f"OCI {name} needs a region", hint=f"set SIXPLANE_OCI__REGION or {setting}")
    if endpoint and not endpoint.startswith(("https://", "http://")):
        raise SettingsInvalid(f"{setting} is not a URL", hint="it must start with `https://`")
    if not endpoint and template:
        endpoint = session.regional(template)
    connect, read = session.timeout
    hasty = replace(session, timeout=(min(connect, CONNECT_SECONDS), min(read, READ_SECONDS)))
    return hasty.client(kind, name=name, endpoint=endpoint.rstrip("/"))


def transient(error: Exception) -> bool:
    """Return whether the same request may succeed a moment later."""
    from oci.exceptions import ConnectTimeout, RequestException, ServiceError

    if isinstance(error, ServiceError):
        return bool(error.status == 429 or (error.status >= 500 and error.status != 501))
    return isinstance(error, ConnectTimeout | RequestException)


def reason(error: Exception) -> str:
    """Return a description of `error` that quotes neither request nor answer, which may hold secrets."""
    status, code = getattr(error, "status", None), getattr(error, "code", None)
    return f"HTTP {status} {code}" if status else type(error).__name__


class Courier:
    """Sends the items of a sink, counts those that do not arrive, and logs a warning when losses begin."""

    def __init__(self, name: str, tally: DeliveryTally) -> None:
        self.tally = tally
        self._name, self._failing = name, False

    def send(self, items: int, call: Callable[[], int]) -> bool:
        """Deliver `items` that the tally has accepted; `call` sends them and returns how many were refused."""
        try:
            refused = min(self._tried(call), items)
        except DependencyUnavailable as error:
            self.tally.settle(items, lost=items)
            self._tell(error.message)
            return False
        self.tally.settle(items, lost=refused)
        if refused:
            self._tell(f"{refused} of {items} items were refused")
        self._failing = bool(refused)
        return not refused

    def _tried(self, call: Callable[[], Answer]) -> Answer:
        attempt = 1
        while True:
            try:
                return call()
            except Exception as error:  # the SDK raises many kinds; a failing sink must not affect a run
                if attempt == TRIES or self.tally.closed or not transient(error):
                    raise DependencyUnavailable(reason(error)) from error
            attempt += 1
            self.tally.pause(PAUSE_SECONDS)

    def _tell(self, what: str) -> None:
        if not self._failing:
            _log.warning("%s: %s; items that it does not accept are dropped and counted", self._name, what)
        self._failing = True
