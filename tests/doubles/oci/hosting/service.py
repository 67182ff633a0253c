"""Hosted applications, deployments and storage of the management API of generative AI, and the calls of applications.

Lists come in pages of two, and show what was deleted. What is made, changed or deleted takes a few looks, at its work
request or at itself. Where Oracle's documentation says nothing, it follows what Oracle's Terraform provider does and
notes of real calls: an image is added, and then made active by its address and tag; the answer to an update has no
body; the active deployment is deleted with its application alone.

What we do not know, and so may be stricter or more lenient here: the words of errors, whether `if-match` is needed,
which fields a `get` leaves out, how long a deleted resource stays listed, and what a retry token answers afterwards.
"""

from __future__ import annotations

import itertools
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.doubles.oci.delivery import Answer, error_answer, json_answer
from tests.doubles.oci.hosting.names import INVOKE, KINDS, WORK
from tests.doubles.oci.hosting.shapes import Work, check_shape, page, shown, with_headers, work_shown
from tests.doubles.oci.records import Call
from tests.doubles.oci.rules.limits import Refused

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,254}")
_SECRET = re.compile(r"ocid1\.vaultsecret\.[\w.-]+")


@dataclass
class Hosting:
    """The hosted applications of a tenancy.

    Args:
        compartments: those that the caller may use.
        looks: how often one has to look at a piece of work until it is done.
        cascades: whether deleting an application takes its deployments along; else it is refused while it has any.
        forgets: whether deleted resources are no longer listed, and can no longer be read.
        lag: how often lists and reads do not find yet what was made.
        failing: by operation, the log of its next work request, which fails.
        healthy: what `/health` of an application answers.
    """

    compartments: frozenset[str] = frozenset()
    looks: int = 1
    cascades: bool = True
    forgets: bool = False
    lag: int = 0
    failing: dict[str, tuple[str, ...]] = field(default_factory=dict)
    healthy: int = 200

    def __post_init__(self) -> None:
        self.resources: dict[str, dict[str, dict[str, Any]]] = {name: {} for name in KINDS}
        self.works: dict[str, Work] = {}
        self.on_call: Callable[[Call, str], None] = lambda _, __: None
        """Called with each call, and `before` or `after` it was served: for tests that kill the caller."""
        self._lock, self._numbers = threading.RLock(), itertools.count(1)

    def alive(self, name: str) -> list[dict[str, Any]]:
        """Return the resources of a collection that are not deleted."""
        with self._lock:
            return [each for each in self.resources[name].values() if each["lifecycleState"] != "DELETED"]

    def answer(self, call: Call) -> Answer:
        """Return the answer to a call."""
        self.on_call(call, "before")
        with self._lock:
            try:
                said = self._served(call)
            except Refused as error:
                said = error_answer(error.status, error.code, error.message)
        self.on_call(call, "after")
        return said

    def _served(self, call: Call) -> Answer:
        split = urlsplit(call.target)
        version, name, *rest = split.path.strip("/").split("/")
        query = {key: values[-1] for key, values in parse_qs(split.query).items()}
        if version == INVOKE.strip("/"):
            return self._invoked(name, rest[0], "/" + "/".join(rest[3:]), call)
        if name == WORK:
            return self._work(rest, query)
        if not rest:
            return self._made(name, call.body) if call.method == "POST" else self._listed(name, query)
        found = self.resources[name].get(rest[0])
        if found is not None and found["_unread"] > 0 and call.method == "GET":
            found["_unread"] -= 1
            found = None
        if found is None or (self.forgets and found["lifecycleState"] == "DELETED"):
            raise Refused(404, "NotAuthorizedOrNotFound", "Authorization failed or requested resource not found.")
        if len(rest) > 1:
            return self._artifact(found, rest, call)
        if call.method == "GET":
            self._progress(found["id"])
            return with_headers(json_answer(shown(found)), etag=found["_etag"])
        self._check_settled(found, call)
        return self._changed(name, found, call.body) if call.method == "PUT" else self._deleted(name, found)

    def _listed(self, name: str, query: dict[str, str]) -> Answer:
        self._check_compartment(query.get("compartmentId"))
        listed = [each for each in self.resources[name].values() if each["compartmentId"] == query["compartmentId"]]
        asked = {"displayName": "displayName", "lifecycleState": "lifecycleState", "id": "id"}
        asked["applicationId"] = "hostedApplicationId"
        for parameter, key in asked.items():
            if parameter in query:
                listed = [each for each in listed if each.get(key) == query[parameter]]
        for each in [each for each in listed if each["_unlisted"] > 0]:
            each["_unlisted"] -= 1
            listed.remove(each)
        if self.forgets:
            listed = [each for each in listed if each["lifecycleState"] != "DELETED"]
        return page([shown(each) for each in listed], query)

    def _made(self, name: str, body: dict[str, Any]) -> Answer:
        kind = KINDS[name]
        check_shape(kind.create, body)
        self._check_compartment(body.get("compartmentId"))
        if not _NAME.fullmatch(body.get("displayName", "x")):
            raise Refused(400, "InvalidParameter", "displayName: a letter or underscore, then letters, numbers, -, _")
        made = {
            **body,
            "id": f"ocid1.{kind.ocid}.oc1.us-chicago-1.local{next(self._numbers)}",
            "lifecycleState": "CREATING",
            "timeCreated": datetime.now(UTC).isoformat(),
        }
        if name == "hostedDeployments":
            self._check_parent(body)
            artifact = self._new_artifact(body["activeArtifact"], made["id"])
            made |= {"activeArtifact": artifact, "artifacts": [artifact]}
        elif name == "hostedApplicationStorages":
            made["applicationIds"] = []
            if body["storageType"] not in ("CACHE", "POSTGRESQL", "ADB"):
                raise Refused(400, "InvalidParameter", "storageType")
        else:
            self._check_application(body)
        made |= {"_unlisted": self.lag, "_unread": self.lag}
        self.resources[name][made["id"]] = made

        def finish() -> None:
            made["lifecycleState"] = "ACTIVE"
            if name == "hostedDeployments":
                self._activate(made, made["activeArtifact"])

        return self._started(f"CREATE_{kind.entity}", made, finish, json_answer(shown(made)), failed="FAILED")

    def _changed(self, name: str, found: dict[str, Any], body: dict[str, Any]) -> Answer:
        kind = KINDS[name]
        if not kind.update:
            raise Refused(405, "MethodNotAllowed", "storage cannot be updated")
        check_shape(kind.update, body)
        if name == "hostedDeployments":
            wanted = (body["activeArtifact"].get("containerUri"), body["activeArtifact"].get("tag"))
            same = [each for each in found["artifacts"] if (each["containerUri"], each["tag"]) == wanted]
            if not same:
                raise Refused(400, "InvalidParameter", "activeArtifact is none of the deployment's artifacts")
            chosen = same[-1]
            chosen["isVulnerabilityScanRequired"] = body["activeArtifact"].get("isVulnerabilityScanRequired", False)
        else:
            self._check_application({**found, **body})
        found["lifecycleState"] = "UPDATING"

        def finish() -> None:
            found["lifecycleState"] = "ACTIVE"
            if name == "hostedDeployments":
                self._activate(found, chosen)
            else:
                found.update(body)

        return self._started(f"UPDATE_{kind.entity}", found, finish, Answer(), failed="ACTIVE")

    def _deleted(self, name: str, found: dict[str, Any]) -> Answer:
        if name == "hostedDeployments" and found["lifecycleState"] in ("ACTIVE", "NEEDS_ATTENTION"):
            raise Refused(403, "NotAllowed", "Deployment deletion NOT allowed: deployment is activeDeployment")
        children = [each for each in self.alive("hostedDeployments") if each.get("hostedApplicationId") == found["id"]]
        if children and not self.cascades:
            raise Refused(409, "IncorrectState", "the application has deployments")
        doomed = [found, *children]
        for each in doomed:
            each["lifecycleState"] = "DELETING"

        def finish() -> None:
            for each in doomed:
                each["lifecycleState"] = "DELETED"

        return self._started(f"DELETE_{KINDS[name].entity}", found, finish, Answer(status=204), failed="FAILED")

    def _artifact(self, found: dict[str, Any], rest: list[str], call: Call) -> Answer:
        if call.method == "DELETE":
            found["artifacts"] = [each for each in found["artifacts"] if each["id"] != rest[2]]
            return Answer(status=204)
        check_shape("AddArtifactDetails", call.body)
        self._check_settled(found, call)
        artifact = self._new_artifact(call.body["artifact"], found["id"])
        before = found["lifecycleState"]
        found["artifacts"] = [*found["artifacts"], {**artifact, "status": "UPDATING"}]
        added = found["artifacts"][-1]

        def finish() -> None:
            added["status"] = "INACTIVE"
            found["lifecycleState"] = before

        found["lifecycleState"] = "UPDATING"
        return self._started("ADD_ARTIFACT", found, finish, Answer(status=202), failed=before, broken=added)

    def _started(
        self,
        operation: str,
        resource: dict[str, Any],
        finish: Callable[[], None],
        answer: Answer,
        *,
        failed: str,
        broken: dict[str, Any] | None = None,
    ) -> Answer:
        """Return the answer to a change, whose work begins; `failed` is the state if it fails."""
        resource["_etag"] = f"etag-{next(self._numbers)}"
        resource["timeUpdated"] = datetime.now(UTC).isoformat()
        fails = self.failing.pop(operation, ())
        number = next(self._numbers)

        def done() -> None:
            if not fails:
                finish()
            else:
                resource["lifecycleState"] = failed
                (broken or {})["status"] = "FAILED"
            resource["_etag"] = f"etag-{next(self._numbers)}"

        work = Work(
            f"ocid1.generativeaiworkrequest.oc1.us-chicago-1.local{number}",
            operation,
            resource,
            resource["compartmentId"],
            done,
            self.looks,
            fails,
        )
        self.works[work.id] = work
        return with_headers(answer, **{"opc-work-request-id": work.id, "etag": resource["_etag"]})

    def _progress(self, resource_id: str) -> None:
        """Let the work on a resource go on, because somebody looks."""
        for work in self.works.values():
            if work.resource["id"] == resource_id and work.status in ("ACCEPTED", "IN_PROGRESS"):
                work.looks -= 1
                work.status = "IN_PROGRESS"
                if work.looks < 0:
                    work.finish()
                    work.status = "FAILED" if work.fails else "SUCCEEDED"
                return

    def _work(self, rest: list[str], query: dict[str, str]) -> Answer:
        if not rest:
            self._check_compartment(query.get("compartmentId"))
            works = [each for each in self.works.values() if each.resource["id"] == query.get("resourceId")]
            return page([work_shown(each) for each in reversed(works)], query)
        work = self.works.get(rest[0])
        if work is None:
            raise Refused(404, "NotAuthorizedOrNotFound", "no such work request")
        now = datetime.now(UTC).isoformat()
        if rest[1:] == ["errors"]:
            return page([{"code": "Failed", "message": line, "timestamp": now} for line in work.fails[:1]], query)
        if rest[1:] == ["logs"]:
            return page([{"message": line, "timestamp": now} for line in work.fails[1:]], query)
        self._progress(work.resource["id"])
        return json_answer(work_shown(work))

    def _invoked(self, name: str, application_id: str, path: str, call: Call) -> Answer:
        found = self.resources[name].get(application_id)
        active = [each for each in self.alive("hostedDeployments") if each["hostedApplicationId"] == application_id]
        if found is None or not any(each["lifecycleState"] == "ACTIVE" for each in active):
            return error_answer(404, "NotAuthorizedOrNotFound", "no active deployment")
        open_to_all = name.endswith("Iam") or path in found.get("publicAccessPathPatterns", ())
        if not open_to_all and not call.headers.get("authorization", "").startswith("Bearer "):
            return error_answer(401, "NotAuthenticated", "no token of the identity domain")
        return json_answer({"status": "live"}, self.healthy)

    def _activate(self, deployment: dict[str, Any], artifact: dict[str, Any]) -> None:
        """Make a deployment the active one of its application, with this image."""
        for other in self.alive("hostedDeployments"):
            same = other["hostedApplicationId"] == deployment["hostedApplicationId"]
            if same and other is not deployment and other["lifecycleState"] == "ACTIVE":
                other["lifecycleState"] = "INACTIVE"
        for each in deployment["artifacts"]:
            if each is artifact or each["status"] != "FAILED":
                each["status"] = "ACTIVE" if each is artifact else "INACTIVE"
        deployment["activeArtifact"] = artifact

    def _new_artifact(self, given: dict[str, Any], deployment_id: str) -> dict[str, Any]:
        if not given.get("containerUri") or not given.get("tag") or "ocir" not in given["containerUri"]:
            raise Refused(400, "InvalidParameter", "an image of OCIR and its tag")
        number = next(self._numbers)
        return {**given, "id": f"artifact{number}", "hostedDeploymentId": deployment_id, "status": "UPDATING"}

    def _check_parent(self, body: dict[str, Any]) -> None:
        wanted = body.get("hostedApplicationId")
        every = {**self.resources["hostedApplications"], **self.resources["hostedApplicationsIam"]}
        if wanted not in every or every[wanted]["lifecycleState"] == "DELETED":
            raise Refused(404, "NotAuthorizedOrNotFound", "no such application")
        if every[wanted]["lifecycleState"] != "ACTIVE":
            raise Refused(409, "IncorrectState", "the application is not active")

    def _check_application(self, body: dict[str, Any]) -> None:
        scaling = body.get("scalingConfig") or {}
        if not 0 <= scaling.get("minReplica", 0) <= scaling.get("maxReplica", 1):
            raise Refused(400, "InvalidParameter", "scalingConfig: minReplica is more than maxReplica")
        for each in body.get("environmentVariables") or ():
            if each["type"] == "VAULT" and not _SECRET.fullmatch(str(each["value"])):
                raise Refused(400, "InvalidParameter", f"environmentVariables: {each['name']} is no secret's OCID")
        for each in body.get("storageConfigs") or ():
            if each["storageId"] not in self.resources["hostedApplicationStorages"]:
                raise Refused(404, "NotAuthorizedOrNotFound", "no such storage")

    def _check_compartment(self, compartment: Any) -> None:
        if not compartment:
            raise Refused(400, "InvalidParameter", "compartmentId: required")
        if self.compartments and compartment not in self.compartments:
            raise Refused(404, "NotAuthorizedOrNotFound", "Authorization failed or requested resource not found.")

    def _check_settled(self, found: dict[str, Any], call: Call) -> None:
        wanted = call.headers.get("if-match")
        if wanted and wanted != found["_etag"]:
            raise Refused(412, "NoEtagMatch", "the resource has changed")
        if found["lifecycleState"] in ("CREATING", "UPDATING", "DELETING", "DELETED"):
            raise Refused(409, "IncorrectState", f"the resource is {found['lifecycleState']}")
