"""The operations of hosted applications: their addresses, and the SDK's names for them and for their requests."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

BASE, INVOKE = "/20231130", "/20251112"


@dataclass(frozen=True)
class Kind:
    """A kind of resource: SDK's name, the class names of its requests, and the type in its OCIDs."""

    name: str
    create: str
    update: str
    ocid: str
    entity: str


KINDS = {
    "hostedApplications": Kind(
        "hosted_application",
        "CreateHostedApplicationDetails",
        "UpdateHostedApplicationDetails",
        "generativeaihostedapplication",
        "HOSTED_APPLICATION",
    ),
    "hostedApplicationsIam": Kind(
        "hosted_application_iam",
        "CreateHostedApplicationIamDetails",
        "UpdateHostedApplicationIamDetails",
        "generativeaihostedapplicationiam",
        "HOSTED_APPLICATION",
    ),
    "hostedApplicationStorages": Kind(
        "hosted_application_storage",
        "CreateHostedApplicationStorageDetails",
        "",
        "generativeaihostedapplicationstorage",
        "HOSTED_APPLICATION_STORAGE",
    ),
    "hostedDeployments": Kind(
        "hosted_deployment",
        "CreateHostedDeploymentDetails",
        "UpdateHostedDeploymentDetails",
        "generativeaihosteddeployment",
        "HOSTED_DEPLOYMENT",
    ),
}
WORK = "workRequests"
ROUTES = (
    *(f"{BASE}/{name}{rest}" for name in (*KINDS, WORK) for rest in ("", "/{id}")),
    f"{BASE}/hostedDeployments/{{id}}/artifacts",
    f"{BASE}/hostedDeployments/{{id}}/artifacts/{{artifact}}",
    f"{BASE}/{WORK}/{{id}}/errors",
    f"{BASE}/{WORK}/{{id}}/logs",
)
SIGNED_INVOKE = (f"{INVOKE}/hostedApplicationsIam/{{id}}/actions/invoke/{{rest:path}}",)
OPEN_INVOKE = (f"{INVOKE}/hostedApplications/{{id}}/actions/invoke/{{rest:path}}",)
_VERBS = {"POST": "create", "PUT": "update", "DELETE": "delete", "GET": "get"}


def operation(method: str, target: str) -> str:
    """Return the SDK's name of an operation, empty if it is none of these."""
    parts = urlsplit(target).path.strip("/").split("/")
    if parts[0] == INVOKE.strip("/") and parts[1] in KINDS:
        return "invoke"
    if len(parts) < 2 or parts[0] != BASE.strip("/") or parts[1] not in (*KINDS, WORK):
        return ""
    if parts[1] == WORK:
        return ["list_work_requests", "get_work_request", f"list_work_request_{parts[-1]}"][len(parts) - 2]
    if len(parts) > 3:
        return "add_artifact" if method == "POST" else "delete_hosted_deployment_artifact"
    verb = "list" if method == "GET" and len(parts) == 2 else _VERBS[method]
    return f"{verb}_{KINDS[parts[1]].name}"
