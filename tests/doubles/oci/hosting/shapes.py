"""What requests of hosted applications must look like, and what answers do."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tests.doubles.oci.delivery import Answer, json_answer
from tests.doubles.oci.rules.limits import Refused
from tests.doubles.oci.rules.schema import faults_of

PAGE = 2


@dataclass
class Work:
    """A work request: what happens when it is done."""

    id: str
    operation: str
    resource: dict[str, Any]
    compartment: str
    finish: Callable[[], None]
    looks: int
    fails: tuple[str, ...] = ()
    status: str = "ACCEPTED"


def check_shape(kind: str, body: dict[str, Any]) -> None:
    faults = faults_of(kind, body)
    if faults:
        raise Refused(400, "InvalidParameter", "; ".join(faults))


def shown(resource: dict[str, Any]) -> dict[str, Any]:
    return json.loads(json.dumps({name: value for name, value in resource.items() if not name.startswith("_")}))


def work_shown(work: Work) -> dict[str, Any]:
    now = datetime.now(UTC).isoformat()
    done = work.status in ("SUCCEEDED", "FAILED")
    return {
        "id": work.id,
        "operationType": work.operation,
        "status": work.status,
        "compartmentId": work.compartment,
        "resources": [{"entityType": "HOSTED", "actionType": "RELATED", "identifier": work.resource["id"]}],
        "percentComplete": 100 if done else 10,
        "timeAccepted": now,
        "timeFinished": now if done else None,
    }


def page(items: list[dict[str, Any]], query: dict[str, str]) -> Answer:
    start = int(query.get("page") or 0)
    answer = json_answer({"items": items[start : start + PAGE]})
    return with_headers(answer, **({"opc-next-page": str(start + PAGE)} if start + PAGE < len(items) else {}))


def with_headers(answer: Answer, **headers: str) -> Answer:
    answer.headers.update(headers)
    return answer
