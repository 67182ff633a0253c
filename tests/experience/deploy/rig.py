"""A stack on the local OCI, opened as a command opens it, with waits that take no time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import requests

from experience.deploy.applying import Applying
from experience.deploy.edge import Edge
from experience.deploy.looking import check_names, look
from experience.deploy.opening import Opened
from experience.deploy.patience import Patience
from experience.deploy.planning import planned
from experience.deploy.stack import Stack, check_stack
from experience.deploy.values import Plan
from settings.deploying import StackSettings
from tests.doubles.oci import LocalOCI
from tests.doubles.oci.session import local_session

SECRET = "ocid1.vaultsecret.oc1.phx.password"
STACK: dict[str, Any] = {
    "image": "phx.ocir.io/namespace/sixplane:0.1.0",
    "auth": "iam",
    "environment": {"SIXPLANE_ORACLE__DSN": "db.example.com:1521/FREEPDB1", "SIXPLANE_ORACLE__USER": "sixplane"},
    "secrets": {"SIXPLANE_ORACLE__PASSWORD": SECRET},
}
DOMAIN = {
    "auth": "identity_domain",
    "identity_domain": {"url": "https://idcs-1.identity.oraclecloud.com", "scope": "invoke", "audience": "sixplane"},
}
CHANGING = ("POST", "PUT", "DELETE")


class Killed(BaseException):
    """The process died here. Nothing catches it."""


@dataclass
class Fuse:
    """Kills a client at calls of the management API.

    Args:
        burns: whether it kills, by the number of the call, the request and `before` or `after` it was served.
    """

    burns: Callable[[int, requests.PreparedRequest, str], bool]
    calls: int = 0

    def into(self, stack: Opened) -> None:
        """Put the fuse into the connection of `stack`."""
        session = stack.edge._client.base_client.session
        send = session.send

        def fused(request: requests.PreparedRequest, **options: Any) -> requests.Response:
            number, self.calls = self.calls, self.calls + 1
            if self.burns(number, request, "before"):
                raise Killed
            answer = send(request, **options)
            if self.burns(number, request, "after"):
                raise Killed
            return answer

        session.send = fused


@dataclass
class Rig:
    """Opens and applies stacks of one tenancy."""

    oci: LocalOCI
    told: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.session = local_session(self.oci)

    def open(self, name: str = "baseline", patience: Patience | None = None, **changes: Any) -> Opened:
        settings = StackSettings(**{**STACK, **changes})
        stack = Stack(name, settings, self.session.region, self.session.compartment_id)
        patience = patience or Patience(settings.wait_minutes, pause=lambda _: None)
        return Opened(stack, self.session, Edge(self.session, self.oci.url, patience), patience)

    def plan(self, stack: Opened) -> Plan:
        check_stack(stack.stack)
        found = look(stack.edge, stack.stack)
        check_names(stack.stack, found)
        return planned(stack.stack, found)

    def apply(self, stack: Opened, **options: Any) -> Plan:
        check_stack(stack.stack)
        return Applying(stack.edge, stack.stack, stack.patience, self.told.append, **options).apply()

    def destroy(self, stack: Opened, **options: Any) -> None:
        Applying(stack.edge, stack.stack, stack.patience, self.told.append).destroy(**options)

    def changes(self) -> list[str]:
        """Return the operations so far that changed something, and were accepted."""
        return [call.path for call in self.oci.calls if call.method in CHANGING and call.status < 300]

    def alive(self) -> tuple[int, int, int]:
        """Return how many applications, deployments and storages there are."""
        hosting = self.oci.hosting
        applications = len(hosting.alive("hostedApplications")) + len(hosting.alive("hostedApplicationsIam"))
        return applications, len(hosting.alive("hostedDeployments")), len(hosting.alive("hostedApplicationStorages"))


def meet(stacks: list[Opened], path: str) -> None:
    """Let all stacks send their first POST of `path` at the same time: each has looked before any has made it."""
    barrier = threading.Barrier(len(stacks), timeout=60)
    for stack in stacks:
        _let_meet(stack.edge._client.base_client.session, path, barrier)


def _let_meet(session: requests.Session, path: str, barrier: threading.Barrier) -> None:
    send, met = session.send, threading.Event()

    def meeting(request: requests.PreparedRequest, **options: Any) -> requests.Response:
        if request.method == "POST" and str(request.url).endswith(path) and not met.is_set():
            met.set()
            barrier.wait()
        return send(request, **options)

    session.send = meeting  # type: ignore[method-assign]
