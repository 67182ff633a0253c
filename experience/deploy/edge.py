"""The management API of hosted applications, through the SDK. Every request is signed by the project's session."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from experience.deploy.failures import is_missing, meant
from experience.deploy.patience import Patience
from experience.deploy.values import GONE, Kind, Resource
from gateway.classification import classify
from gateway.oci.pages import PROXY, all_pages
from settings.connections.oci_session import OCISession
from state.errors import DependencyUnavailable

Result = TypeVar("Result")

_ATTEMPTS = 5
"""Of a request whose failure may pass: each is repeated with the same retry token or `if-match`. A chosen value."""


class Edge:
    """Calls of the management API. They block.

    Args:
        session: signs them.
        endpoint: of the management API; empty: that of the session's region.
        patience: waits between attempts.
    """

    def __init__(self, session: OCISession, endpoint: str, patience: Patience) -> None:
        from oci.generative_ai import GenerativeAiClient

        self._client = session.client(GenerativeAiClient, name="deploy", endpoint=endpoint)
        self._patience = patience

    def pause(self, looks: int, what: str) -> None:
        """Wait before looking again at `what`, as `Patience.wait`."""
        self._patience.wait(looks, what)

    def listed(self, kind: Kind, compartment_id: str) -> list[Resource]:
        """Return all resources of a kind in a compartment, deleted ones too as long as OCI knows them."""
        operation = getattr(self._client, f"list_{kind.plural}")

        def every() -> list[Resource]:
            return [_resource(kind, item) for item in all_pages(operation, compartment_id)]

        return self._tried(every, f"list the {kind.noun}s")

    def got(self, resource: Resource) -> Resource | None:
        """Return a resource with all its details, `None` if it is gone."""
        operation = getattr(self._client, f"get_{resource.kind.singular}")

        def get() -> Resource | None:
            try:
                answer = operation(resource.id)
            except Exception as error:  # inspected only, for its status: `_tried` classifies what is raised again
                if is_missing(error):
                    return None
                raise
            found = _resource(resource.kind, answer.data)
            return replace(found, etag=str(answer.headers.get("etag") or ""))

        return self._tried(get, f"read the {resource.kind.noun}")

    def create(self, kind: Kind, details: Any, token: str, sent: Sequence[str] = ()) -> tuple[Resource, str]:
        """Make a resource, and return it with the id of the work request, empty if there is none.

        Args:
            kind: what to make.
            details: the request.
            token: retry token: a request that comes again with it makes nothing twice.
            sent: texts that an error must not repeat.
        """
        operation = getattr(self._client, f"create_{kind.singular}")

        def make() -> tuple[Resource, str]:
            answer = operation(details, opc_retry_token=token)
            return _resource(kind, answer.data), _work_id(answer)

        return self._tried(make, f"create the {kind.noun}", sent)

    def update(self, resource: Resource, details: Any, sent: Sequence[str] = ()) -> str:
        """Change a resource, unless somebody else has changed it; return the id of the work request."""
        operation = getattr(self._client, f"update_{resource.kind.singular}")
        options = {"if_match": resource.etag} if resource.etag else {}
        return self._tried(
            lambda: _work_id(operation(resource.id, details, **options)), f"update the {resource.kind.noun}", sent
        )

    def add_artifact(self, resource: Resource, details: Any, token: str) -> str:
        """Add an image to a deployment; return the id of the work request."""
        return self._tried(
            lambda: _work_id(self._client.add_artifact(details, resource.id, opc_retry_token=token)),
            "add the image to the deployment",
        )

    def delete(self, resource: Resource) -> str:
        """Delete a resource; return the id of the work request, empty if it is gone already.

        Raises:
            StillActive: it is the active deployment of its application.
        """
        operation = getattr(self._client, f"delete_{resource.kind.singular}")

        def remove() -> str:
            try:
                return _work_id(operation(resource.id))
            except Exception as error:  # inspected only, as in `got`
                now = self.got(resource) if is_missing(error) else resource
                if now is None or now.state in GONE:
                    return ""
                raise  # it is there: whoever may read it need not be allowed to delete it

        return self._tried(remove, f"delete the {resource.kind.noun}")

    def work(self, work_id: str) -> str:
        """Return the status of a work request."""
        return self._tried(lambda: str(self._client.get_work_request(work_id).data.status), "read the work request")

    def work_of(self, resource: Resource, compartment_id: str) -> str:
        """Return the id of the latest work request on a resource, empty if there is none."""

        def latest() -> str:
            listed = self._client.list_work_requests(compartment_id, resource_id=resource.id, sort_order="DESC")
            return next((str(each.id) for each in listed.data.items), "")

        return self._tried(latest, "list the work requests")

    def log_of(self, work_id: str) -> list[str]:
        """Return what OCI wrote about a work request: its errors, then its log."""

        def lines() -> list[str]:
            errors = all_pages(self._client.list_work_request_errors, work_id)
            entries = all_pages(self._client.list_work_request_logs, work_id)
            return [f"{each.code}: {each.message}" for each in errors] + [str(each.message) for each in entries]

        return self._tried(lines, "read the log of the work request")

    def _tried(self, call: Callable[[], Result], what: str, sent: Sequence[str] = ()) -> Result:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return call()
            except (AttributeError, TypeError) as error:
                # The SDK hands on whatever came: a page of a proxy is a `Response` without the fields of an answer.
                raise DependencyUnavailable("the management endpoint did not answer like OCI", hint=PROXY) from error
            except Exception as error:  # whatever `classify` does not know as a failure of a service is raised again
                failure = classify(error)
                if failure is None:
                    raise
                # 409 is transient to the gateway; here it means that the resource has moved on: look at it again.
                passing = failure.transient and getattr(error, "status", 0) != 409
                if not passing or attempt == _ATTEMPTS:
                    raise meant(error, failure, what, sent) from error
                self._patience.wait(attempt - 1, what, failure.retry_after)
        raise AssertionError("the last attempt returns or raises")


def _resource(kind: Kind, data: Any) -> Resource:
    from oci.util import to_dict

    detail = to_dict(data)
    return Resource(kind, str(data.id), str(data.lifecycle_state), dict(data.freeform_tags or {}), detail)


def _work_id(answer: Any) -> str:
    return str(answer.headers.get("opc-work-request-id") or "")
