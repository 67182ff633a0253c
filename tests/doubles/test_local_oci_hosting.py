"""The hosted applications of the local OCI: what it refuses, and what an answer to the SDK looks like."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from oci.exceptions import ServiceError
from oci.generative_ai import GenerativeAiClient, models

from tests.doubles.oci import LocalOCI
from tests.doubles.oci.server import COMPARTMENT
from tests.doubles.oci.session import local_session

SCALING = models.ScalingConfig(scaling_type="CPU", min_replica=1, max_replica=1)


@pytest.fixture(scope="module")
def oci() -> Iterator[LocalOCI]:
    with LocalOCI(lambda _: "", embed="hash") as served:
        yield served


@pytest.fixture(scope="module")
def client(oci: LocalOCI) -> Any:
    return local_session(oci).client(GenerativeAiClient, name="hosting", endpoint=oci.url)


def application(**changes: Any) -> Any:
    given = {"display_name": "sixplane", "compartment_id": COMPARTMENT, "scaling_config": SCALING}
    return models.CreateHostedApplicationIamDetails(**{**given, **changes})


@pytest.mark.parametrize(
    ("changes", "status", "told"),
    [
        ({"display_name": None}, 400, "displayName: required"),
        ({"display_name": "1st"}, 400, "displayName"),
        ({"compartment_id": "ocid1.compartment.oc1..other"}, 404, "Authorization failed"),
        ({"scaling_config": models.ScalingConfig(min_replica=1)}, 400, "scalingType: required"),
        ({"scaling_config": models.ScalingConfig(scaling_type="CPU", min_replica=2, max_replica=1)}, 400, "minReplica"),
        (
            {"environment_variables": [models.EnvironmentVariable(name="A", type="VAULT", value="hunter2")]},
            400,
            "secret's OCID",
        ),
    ],
)
def test_it_refuses_what_does_not_fit(changes: dict[str, Any], status: int, told: str, client: Any) -> None:
    with pytest.raises(ServiceError) as caught:
        client.create_hosted_application_iam(application(**changes))
    assert (caught.value.status, told in caught.value.message) == (status, True)


def test_work_takes_a_few_looks_and_an_active_deployment_stays(oci: LocalOCI, client: Any) -> None:
    made = client.create_hosted_application_iam(application(), opc_retry_token="once")
    again = client.create_hosted_application_iam(application(), opc_retry_token="once")
    assert made.data.id == again.data.id
    assert made.data.lifecycle_state == "CREATING"
    work = made.headers["opc-work-request-id"]
    seen = [client.get_work_request(work).data.status for _ in range(3)]
    assert seen == ["IN_PROGRESS", "SUCCEEDED", "SUCCEEDED"]
    found = client.get_hosted_application_iam(made.data.id)
    update = models.UpdateHostedApplicationIamDetails(display_name="renamed")
    with pytest.raises(ServiceError, match="NoEtagMatch"):
        client.update_hosted_application_iam(made.data.id, update, if_match="old")
    client.update_hosted_application_iam(made.data.id, update, if_match=found.headers["etag"])
    with pytest.raises(ServiceError, match="IncorrectState"):
        client.update_hosted_application_iam(made.data.id, update)
    while client.get_hosted_application_iam(made.data.id).data.lifecycle_state != "ACTIVE":
        pass
    artifact = models.SingleDockerArtifact(container_uri="phx.ocir.io/n/sixplane", tag="1")
    details = models.CreateHostedDeploymentDetails(
        compartment_id=COMPARTMENT, hosted_application_id=made.data.id, active_artifact=artifact
    )
    deployment = client.create_hosted_deployment(details).data.id
    while client.get_hosted_deployment(deployment).data.lifecycle_state != "ACTIVE":
        pass
    with pytest.raises(ServiceError, match="activeDeployment"):
        client.delete_hosted_deployment(deployment)
    wanted = models.UpdateHostedDeploymentDetails(
        active_artifact=models.SingleDockerArtifact(container_uri="phx.ocir.io/n/sixplane", tag="2")
    )
    with pytest.raises(ServiceError, match="none of the deployment's artifacts"):
        client.update_hosted_deployment(deployment, wanted)
    assert oci.of("delete_hosted_deployment")[0].status == 403


def test_an_unsigned_request_reaches_nothing(oci: LocalOCI) -> None:
    import requests

    answer = requests.delete(f"{oci.url}/20231130/hostedApplicationsIam/any", timeout=60)
    assert answer.status_code == 401
