"""How the sinks reach OCI: clients of their own with short timeouts, two quick tries, and what failed, counted."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from observability.delivery_tally import DeliveryTally
from settings.connections.oci_session import OCISession
from state.errors import DependencyUnavailable, SettingsInvalid

CONNECT_SECONDS, READ_SECONDS = 2.0, 5.0
TRIES, PAUSE_SECONDS = 2, 0.25

Client = TypeVar("Client")
Answer = TypeVar("Answer")

_log = logging.getLogger(__name__)


def sink_client(
    session: OCISession, kind: Callable[..., Client], *, name: str, endpoint: str, template: str = ""
) -> Client:
    """Return the client of a sink: its own breaker, and timeouts no longer than a sink may take.

    Args:
        session: who signs.
        kind: a client class of the SDK.
        name: of the sink; its setting of an endpoint is named after it.
        endpoint: from the settings, else the region's.
        template: of the region's endpoint where the SDK's own is wrong.

    Raises:
        SettingsInvalid: there is neither an endpoint nor a region, or the endpoint is no address.
    """
    setting = f"SIXPLANE_OCI__{name.upper()}_ENDPOINT"
    if not endpoint and not session.region:
        raise SettingsInvalid(f"OCI {name} needs a region", hint=f"set SIXPLANE_OCI__REGION or {setting}")
    if endpoint and not endpoint.startswith(("https://", "http://")):
        raise SettingsInvalid(f"{setting} is no address", hint="it starts with `https://`")
    if not endpoint and template:
        endpoint = session.regional(template)
    connect, read = session.timeout
    hasty = replace(session, timeout=(min(connect, CONNECT_SECONDS), min(read, READ_SECONDS)))
    return hasty.client(kind, name=name, endpoint=endpoint.rstrip("/"))


def transient(error: Exception) -> bool:
    """Whether the same request may succeed a moment later."""
    from oci.exceptions import ConnectTimeout, RequestException, ServiceError

    if isinstance(error, ServiceError):
        return bool(error.status == 429 or (error.status >= 500 and error.status != 501))
    return isinstance(error, ConnectTimeout | RequestException)


def reason(error: Exception) -> str:
    """Return what happened, in words that quote neither request nor answer."""
    status, code = getattr(error, "status", None), getattr(error, "code", None)
    return f"HTTP {status} {code}" if status else type(error).__name__


class Courier:
    """Sends what a sink has, counts what does not arrive, and tells the log once when that begins."""

    def __init__(self, name: str, tally: DeliveryTally) -> None:
        self.tally = tally
        self._name, self._failing = name, False

    def send(self, items: int, call: Callable[[], int]) -> bool:
        """Deliver `items` that the tally has taken; `call` returns how many of them were refused."""
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
            except Exception as error:  # the SDK raises many kinds; a sink that fails is told and counted, never felt
                if attempt == TRIES or self.tally.closed or not transient(error):
                    raise DependencyUnavailable(reason(error)) from error
            attempt += 1
            self.tally.pause(PAUSE_SECONDS)

    def _tell(self, what: str) -> None:
        if not self._failing:
            _log.warning("%s: %s; what it does not take is dropped and counted", self._name, what)
        self._failing = True
