"""A stack is made, left alone, changed in one place, taken up after failures, and removed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from experience.deploy.errors import DeployConflict, DeployFailed, DeployUnfinished
from experience.deploy.opening import Opened
from experience.deploy.patience import Patience
from experience.deploy.values import OWNER_TAG, STACK_TAG
from state.errors import DependencyUnavailable, SettingsInvalid
from tests.doubles.oci import Fault
from tests.experience.deploy.rig import DOMAIN, SECRET, STACK, Rig, meet


def test_a_stack_is_made_once_and_a_second_apply_changes_nothing(rig: Rig) -> None:
    stack = rig.open()
    assert [step.action for step in rig.plan(stack).changes] == ["create", "create"]
    assert not rig.changes()
    rig.apply(stack)
    assert rig.changes() == ["create_hosted_application_iam", "create_hosted_deployment"]
    assert not rig.apply(rig.open()).changes
    assert len(rig.changes()) == 2
    (made,) = rig.oci.hosting.alive("hostedApplicationsIam")
    assert (made["freeformTags"][STACK_TAG], made["freeformTags"][OWNER_TAG]) == ("baseline", "sixplane")
    variables = {each["name"]: (each["type"], each["value"]) for each in made["environmentVariables"]}
    assert variables["SIXPLANE_ORACLE__PASSWORD"] == ("VAULT", SECRET)
    assert variables["SIXPLANE_PROFILE"] == ("PLAINTEXT", "oracle")
    assert variables["SIXPLANE_SERVER__PORT"] == ("PLAINTEXT", "8080")


CHANGES: list[tuple[dict[str, object], list[str], str]] = [
    ({"scaling": {"max_replicas": 3}}, ["update_hosted_application_iam"], "scaling_config"),
    (
        {"secrets": {"SIXPLANE_ORACLE__PASSWORD": "ocid1.vaultsecret.oc1.phx.new"}},
        ["update_hosted_application_iam"],
        "OCI does not show",
    ),
    (
        {"environment": {**STACK["environment"], "SIXPLANE_ORACLE__POOL_MAX": "4"}},
        ["update_hosted_application_iam"],
        "environment_variables.SIXPLANE_ORACLE__POOL_MAX",
    ),
    ({"image": "phx.ocir.io/namespace/sixplane:0.2.0"}, ["add_artifact", "update_hosted_deployment"], "sixplane:0.1.0"),
]


def test_one_changed_setting_changes_one_thing(rig: Rig) -> None:
    rig.apply(rig.open())
    given: dict[str, object] = {}
    for changed, operations, field in CHANGES:
        before = len(rig.changes())
        given |= changed
        (step,) = rig.plan(rig.open(**given)).changes
        assert step.action == "update"
        assert field in step.reason
        assert SECRET not in step.reason
        assert not rig.apply(rig.open(**given)).changes
        assert rig.changes()[before:] == operations
    assert rig.alive() == (1, 1, 0)


def test_what_somebody_changed_in_the_console_is_set_back(rig: Rig) -> None:
    rig.apply(rig.open())
    (made,) = rig.oci.hosting.alive("hostedApplicationsIam")
    made["scalingConfig"]["maxReplica"] = 9
    made["freeformTags"]["CostCenter"] = "42"
    rig.apply(rig.open())
    assert made["scalingConfig"]["maxReplica"] == 1
    assert made["freeformTags"]["CostCenter"] == "42"


def test_an_identity_domain_storage_and_a_network_reach_oci(rig: Rig) -> None:
    network = {"subnet_id": "ocid1.subnet.oc1.phx.s", "nsg_ids": ["ocid1.networksecuritygroup.oc1.phx.n"]}
    given = {**DOMAIN, "storage": {"cache": {"type": "CACHE", "variable": "CACHE_URL"}}, "network": network}
    rig.apply(rig.open(**given))
    assert rig.alive() == (1, 1, 1)
    assert not rig.plan(rig.open(**given)).changes
    (made,), (storage,) = (rig.oci.hosting.alive(name) for name in ("hostedApplications", "hostedApplicationStorages"))
    assert made["inboundAuthConfig"]["idcsConfig"]["scope"] == "invoke"
    assert made["publicAccessPathPatterns"] == ["/health", "/ready"]
    assert made["storageConfigs"] == [{"storageId": storage["id"], "environmentVariableKey": "CACHE_URL"}]
    assert made["networkingConfig"]["outboundNetworkingConfig"]["networkMode"] == "CUSTOM"
    rig.destroy(rig.open(**given), keep_storage=True)
    assert rig.alive() == (0, 0, 1)
    rig.destroy(rig.open(**given))
    assert rig.alive() == (0, 0, 0)


def test_what_cannot_be_changed_in_place_is_replaced_only_on_demand(rig: Rig) -> None:
    rig.apply(rig.open())
    changed = {"network": {"subnet_id": "ocid1.subnet.oc1.phx.s"}}
    assert [(step.action, step.moves) for step in rig.plan(rig.open(**changed)).changes] == [
        ("replace", True),
        ("replace", False),
    ]
    with pytest.raises(DeployConflict, match="networking_config") as refused:
        rig.apply(rig.open(**changed))
    assert "--replace" in refused.value.hint
    assert rig.alive() == (1, 1, 0)
    rig.apply(rig.open(**changed, **DOMAIN), replace=True)
    assert rig.alive() == (1, 1, 0)
    assert len(rig.oci.hosting.alive("hostedApplications")) == 1


def test_what_oci_does_not_show_at_once_is_not_made_again(rig: Rig) -> None:
    rig.oci.hosting.lag = 2
    rig.apply(rig.open())
    assert rig.alive() == (1, 1, 0)


@pytest.mark.parametrize("forgets", [False, True])
def test_a_destroyed_stack_can_be_made_again_although_oci_remembers_retry_tokens(forgets: bool, rig: Rig) -> None:
    rig.oci.hosting.forgets = forgets
    rig.apply(rig.open())
    rig.destroy(rig.open())
    assert rig.alive() == (0, 0, 0)
    rig.apply(rig.open())
    assert rig.alive() == (1, 1, 0)


def test_an_application_that_refuses_to_take_its_deployments_along_keeps_them(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("experience.deploy.applying._MOST_RACES", 1)
    rig.apply(rig.open())
    rig.oci.hosting.cascades = False
    with pytest.raises(DependencyUnavailable, match="the application has deployments"):
        rig.destroy(rig.open())
    assert rig.alive() == (1, 1, 0)


def test_who_may_read_and_not_delete_is_told_the_policy(rig: Rig) -> None:
    rig.apply(rig.open())
    rig.oci.faults.add(Fault("status", "delete_hosted_deployment", 99, status=404))
    with pytest.raises(DependencyUnavailable, match="OCI did not delete the deployment") as caught:
        rig.destroy(rig.open())
    assert "manage generative-ai-family" in caught.value.hint
    assert rig.alive() == (1, 1, 0)


def test_two_stacks_and_two_owners_leave_each_other_alone(rig: Rig) -> None:
    rig.apply(rig.open())
    rig.apply(rig.open("trial", owner="jane"))
    assert rig.alive() == (2, 2, 0)
    rig.destroy(rig.open("trial"))
    rig.destroy(rig.open(owner="jane"))
    assert rig.alive() == (2, 2, 0)
    rig.destroy(rig.open())
    kept = {each["displayName"] for each in rig.oci.hosting.alive("hostedApplicationsIam")}
    assert kept == {"sixplane-trial"}


def test_an_application_of_others_with_the_same_name_is_left_alone(rig: Rig) -> None:
    rig.apply(rig.open(owner="jane"))
    (theirs,) = rig.oci.hosting.alive("hostedApplicationsIam")
    before = dict(theirs)
    for act in (rig.plan, rig.apply):
        with pytest.raises(DeployConflict, match=theirs["id"]) as caught:
            act(rig.open())
        assert "deploy.baseline.name" in caught.value.hint
    rig.destroy(rig.open())
    assert theirs == before


def test_a_deployment_of_others_in_the_application_stops_every_change(rig: Rig) -> None:
    rig.apply(rig.open())
    (deployment,) = rig.oci.hosting.alive("hostedDeployments")
    foreign = {**deployment, "id": "ocid1.generativeaihosteddeployment.oc1..theirs", "freeformTags": {}}
    rig.oci.hosting.resources["hostedDeployments"][foreign["id"]] = foreign
    with pytest.raises(DeployConflict, match="theirs"):
        rig.destroy(rig.open())
    assert rig.alive() == (1, 2, 0)


def test_a_failed_work_request_is_told_with_its_log_and_the_next_apply_tries_again(rig: Rig) -> None:
    log = ("container image could not be accessed or validated", "pulling phx.ocir.io/namespace/sixplane:0.1.0")
    rig.oci.hosting.failing["CREATE_HOSTED_DEPLOYMENT"] = log
    with pytest.raises(DeployFailed, match=log[0]) as caught:
        rig.apply(rig.open())
    assert log[1] in caught.value.message
    assert "read repos" in caught.value.hint
    plan = rig.plan(rig.open())
    assert [(step.action, step.part) for step in plan.changes] == [("replace", "deployment")]
    rig.apply(rig.open())
    assert rig.alive() == (1, 1, 0)


def test_a_failed_deployment_that_is_active_takes_the_address_along_only_if_that_is_asked_for(rig: Rig) -> None:
    rig.oci.hosting.failing["CREATE_HOSTED_DEPLOYMENT"] = ("the container ended",)
    with pytest.raises(DeployFailed):
        rig.apply(rig.open())
    (application,) = rig.oci.hosting.alive("hostedApplicationsIam")
    refusal = {"status": 403, "code": "NotAllowed", "message": "NOT allowed: deployment is activeDeployment"}
    rig.oci.faults.add(Fault("status", "delete_hosted_deployment", 2, **refusal))
    with pytest.raises(DeployConflict, match="is FAILED, and active") as caught:
        rig.apply(rig.open())
    assert "--replace" in caught.value.hint
    assert rig.oci.hosting.alive("hostedApplicationsIam") == [application]
    rig.apply(rig.open(), replace=True)
    assert rig.alive() == (1, 1, 0)


def test_an_image_that_could_not_be_added_is_added_again(rig: Rig) -> None:
    rig.apply(rig.open())
    new = "phx.ocir.io/namespace/sixplane:0.2.0"
    rig.oci.hosting.failing["ADD_ARTIFACT"] = ("no such tag",)
    with pytest.raises(DeployFailed, match="no such tag"):
        rig.apply(rig.open(image=new))
    rig.apply(rig.open(image=new))
    (made,) = rig.oci.hosting.alive("hostedDeployments")
    assert made["activeArtifact"]["tag"] == "0.2.0"
    assert sorted(each["status"] for each in made["artifacts"]) == ["ACTIVE", "FAILED", "INACTIVE"]


def test_waiting_ends_and_the_next_apply_takes_up_what_runs(rig: Rig) -> None:
    rig.oci.hosting.looks = 6
    with pytest.raises(DeployUnfinished, match="is not done") as caught:
        rig.apply(impatient(rig))
    assert "run the command again" in caught.value.hint
    rig.oci.hosting.looks = 1
    rig.apply(rig.open())
    assert rig.changes().count("create_hosted_application_iam") == 1
    assert rig.alive() == (1, 1, 0)


def test_time_before_the_first_wait_does_not_count() -> None:
    now = [0.0]
    patience = Patience(1.0, clock=lambda: now[0], pause=lambda _: None)
    now[0] = 3600.0
    patience.wait(0, "the work")
    now[0] += 60.0
    with pytest.raises(DeployUnfinished, match="after 1 minutes"):
        patience.wait(1, "the work")


def impatient(rig: Rig) -> Opened:
    """Return a stack whose time passes only while it waits."""
    now = [0.0]

    def pause(seconds: float) -> None:
        now[0] += seconds

    return rig.open(patience=Patience(0.2, clock=lambda: now[0], pause=pause))


@pytest.mark.parametrize("other", [{}, {"scaling": {"max_replicas": 2}}])
def test_two_applies_at_once_make_one_application_and_one_deployment(other: dict[str, object], rig: Rig) -> None:
    stacks = [rig.open(), rig.open(**other)]
    meet(stacks, "/hostedApplicationsIam")
    with ThreadPoolExecutor() as pool:
        failed = [each.exception() for each in [pool.submit(rig.apply, stack) for stack in stacks]]
    assert rig.alive() == (1, 1, 0)
    assert rig.changes().count("create_hosted_deployment") == 1 or not other
    told = [error for error in failed if error is not None]
    # With the same settings nobody notices the other; with different ones, whoever was overruled says so.
    assert all(isinstance(error, DeployConflict) and "somebody else" in error.hint for error in told)
    assert len(told) <= (1 if other else 0)


def test_a_passing_failure_is_passed_over(rig: Rig) -> None:
    rig.oci.faults.add(Fault("status", times=2, status=429), Fault("status", times=2, status=503))
    rig.oci.faults.add(Fault("drop_midstream", "create_hosted_deployment"))
    rig.apply(rig.open())
    assert rig.alive() == (1, 1, 0)


@pytest.mark.parametrize(
    ("fault", "kind", "told"),
    [
        (Fault("status", times=99, status=404), DependencyUnavailable, "manage generative-ai-family"),
        (Fault("status", times=99, status=403), DependencyUnavailable, "manage generative-ai-family"),
        (Fault("status", times=99, status=503), DependencyUnavailable, "run the command again"),
        (
            Fault("status", "create_hosted_application_iam", 99, status=400, code="LimitExceeded"),
            DependencyUnavailable,
            "service limit",
        ),
        (
            Fault("status", "create_hosted_application_iam", 99, status=400, message="scope: wrong"),
            SettingsInvalid,
            "stack's settings",
        ),
        (
            Fault("status", times=99, status=200, body="<html>sign in</html>"),
            DependencyUnavailable,
            "MANAGEMENT_ENDPOINT",
        ),
    ],
)
def test_what_oci_refuses_has_a_remedy(fault: Fault, kind: type[Exception], told: str, rig: Rig) -> None:
    rig.oci.faults.add(fault)
    with pytest.raises(kind) as caught:
        rig.apply(rig.open())
    assert told in caught.value.hint  # type: ignore[attr-defined]
    assert "sixplane.example" not in str(caught.value)
    assert rig.alive() == (0, 0, 0)


def test_what_is_listed_and_cannot_be_read_is_neither_made_again_nor_taken_for_deleted(rig: Rig) -> None:
    rig.apply(rig.open())
    rig.oci.faults.add(Fault("status", "get_hosted_application_iam", times=2, status=404))
    assert not rig.apply(rig.open()).changes
    rig.oci.faults.add(Fault("status", "get_hosted_application_iam", times=999, status=404))
    for act in (rig.apply, rig.destroy):
        with pytest.raises(DependencyUnavailable, match="lists the application") as caught:
            act(rig.open())
        assert "manage generative-ai-family" in caught.value.hint
    assert rig.alive() == (1, 1, 0)
    assert len(rig.changes()) == 2
