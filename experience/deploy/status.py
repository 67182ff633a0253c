"""How a stack stands: the states of its parts, its address, and whether it answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import requests

from experience.deploy.edge import Edge
from experience.deploy.looking import look
from experience.deploy.stack import Stack
from experience.deploy.values import ACTIVE, APPLICATION_IAM, Found, Resource
from settings.connections.oci_session import OCISession

_INVOKE = "20251112"
"""The version of the API that calls applications."""
HEALTH = "/health"


@dataclass(frozen=True)
class PartStatus:
    """A part: its state, its OCID, and what there is to say of it."""

    part: str
    state: str
    id: str
    detail: str


@dataclass(frozen=True)
class StackStatus:
    """A stack: its parts; where callers ask, empty without an application; what the health check said."""

    parts: tuple[PartStatus, ...]
    endpoint: str
    health: str
    healthy: bool | None


def status_of(edge: Edge, session: OCISession, stack: Stack) -> StackStatus:
    """Return how `stack` stands. It changes nothing, and asks the application for its health."""
    found = look(edge, stack)
    application = found.of("application")
    endpoint = "" if application is None else endpoint_of(session, application)
    healthy, health = _health(session, stack, found, endpoint)
    parts = tuple(PartStatus(each.part, each.state, each.id, _detail(each)) for each in found.ours)
    return StackStatus(parts, endpoint, health, healthy)


def endpoint_of(session: OCISession, application: Resource) -> str:
    """Return the address to which callers append a path such as `/v1/runs`."""
    path = "hostedApplicationsIam" if application.kind is APPLICATION_IAM else "hostedApplications"
    return f"{session.inference_endpoint}/{_INVOKE}/{path}/{application.id}/actions/invoke"


def _detail(found: Resource) -> str:
    detail = found.detail
    if artifact := detail.get("active_artifact"):
        return f"{artifact.get('container_uri')}:{artifact.get('tag')} ({artifact.get('status') or 'no status'})"
    if scaling := detail.get("scaling_config"):
        return f"{scaling.get('min_replica')} to {scaling.get('max_replica')} replicas"
    return str(detail.get("storage_type") or detail.get("lifecycle_details") or "")


def _health(session: OCISession, stack: Stack, found: Found, endpoint: str) -> tuple[bool | None, str]:
    application, deployment = found.of("application"), found.of("deployment")
    if application is None or deployment is None or deployment.state != ACTIVE:
        return None, "not asked: no deployment is active"
    signs = application.kind is APPLICATION_IAM
    if not signs and HEALTH not in (application.detail.get("public_access_path_patterns") or ()):
        return None, f"not asked: {HEALTH} needs a token; add it to `deploy.{stack.name}.public_paths`"
    auth: Any = session.signer if signs else None
    try:
        answer = requests.get(f"{endpoint}{HEALTH}", auth=auth, timeout=session.timeout, allow_redirects=False)
    except requests.RequestException as error:
        return False, f"does not answer: {type(error).__name__}"
    return answer.ok, f"{HEALTH} answers {answer.status_code}"
