"""What a stack's settings refuse, and what they come to: variables, costs, differences."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from experience.deploy.costs import costs_of
from experience.deploy.desired import desired_application
from experience.deploy.differences import differing
from experience.deploy.policies import matching_rules, statements
from experience.deploy.stack import Stack, check_stack
from experience.deploy.variables import variables_of
from settings.deploying import StackSettings
from state.errors import SettingsInvalid
from tests.doubles.oci.server import COMPARTMENT
from tests.experience.deploy.rig import DOMAIN, STACK


def stack(**changes: Any) -> Stack:
    return Stack("baseline", StackSettings(**{**STACK, **changes}), "us-phoenix-1", COMPARTMENT)


def environment(**variables: str) -> dict[str, Any]:
    return {"environment": {**STACK["environment"], **variables}}


EMBEDDED = {"profile": "embedded"}


@pytest.mark.parametrize(
    ("changes", "told", "remedy"),
    [
        ({**EMBEDDED, "scaling": {"max_replicas": 2}}, "one replica: each replica", 'profile` to "oracle"'),
        ({**EMBEDDED, "scaling": {"min_replicas": 0}}, "one replica: all documents", 'profile` to "oracle"'),
        ({"image": ""}, "no image", "deploy.baseline.image"),
        ({"image": "phx.ocir.io/n/sixplane"}, "with a tag", ":TAG"),
        ({"image": "docker.io/n/sixplane:1"}, "OCI's registry", "only OCI's registry"),
        ({"image": f"phx.ocir.io/n/sixplane@sha256:{'0' * 64}"}, "not by its digest", "tag of its own"),
        ({"auth": "identity_domain"}, "identity domain that admits", "`url` and `scope`"),
        ({"environment": {"SIXPLANE_ORACLE__DSN": "db"}}, "SIXPLANE_ORACLE__USER", "[deploy.baseline.environment]"),
        ({"secrets": {}}, "without `SIXPLANE_ORACLE__PASSWORD`", "[deploy.baseline.secrets]"),
        (environment(SIXPLANE_SERVER__AUTH="oidc"), "SIXPLANE_SERVER__OIDC__ISSUER", "[deploy.baseline.environment]"),
        (environment(SIXPLANE_MODLES__DEFAULT="x"), "no setting of Sixplane", "sixplane.example.toml"),
        (environment(SIXPLANE_PROFILE="embedded"), "set by the stack", "deploy.baseline.profile"),
        (environment(SIXPLANE_ORACLE__WALLET_PASSWORD="x"), "readable in the console", "[deploy.baseline.secrets]"),
        (
            environment(SIXPLANE_ORACLE='{"password": "hunter2"}'),
            "readable in the console",
            "[deploy.baseline.secrets]",
        ),
        (environment(SERVICE_API_KEY="x"), "readable in the console", "OCI Vault"),
        (environment(DATABASE_URL="postgres://me:hunter2hunter2@db/x"), "readable in the console", "OCI Vault"),
    ],
)
def test_what_cannot_work_is_refused_with_its_remedy(changes: dict[str, Any], told: str, remedy: str) -> None:
    with pytest.raises(SettingsInvalid) as caught:
        check_stack(stack(**changes))
    assert told in caught.value.message
    assert remedy in caught.value.hint
    assert "hunter2" not in caught.value.message


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {**EMBEDDED, "environment": {}, "secrets": {}},
        DOMAIN,
        {"scaling": {"min_replicas": 0, "max_replicas": 9}},
        {"environment": {"SIXPLANE_ORACLE__DSN": "db", "SIXPLANE_ORACLE__AUTH": "token"}, "secrets": {}},
        environment(SIXPLANE_MODELS__ROLES__WRITER="openai.gpt-oss-120b", SIXPLANE_SERVER__OIDC__ISSUER="https://i"),
        {**environment(SIXPLANE_ORACLE__PASSWORD_SECRET_ID="ocid1.vaultsecret.oc1.phx.x", TZ="UTC"), "secrets": {}},
    ],
)
def test_what_can_work_is_accepted(changes: dict[str, Any]) -> None:
    check_stack(stack(**changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"scaling": {"min_replicas": 3, "max_replicas": 2}},
        {"scaling": {"metric": "cpu", "target": 101}},
        {"secrets": {"SIXPLANE_ORACLE__PASSWORD": "hunter2"}},
        {"secrets": {"SIXPLANE_ORACLE__DSN": "ocid1.vaultsecret.oc1.phx.x"}},
        {"network": {"nsg_ids": ["ocid1.networksecuritygroup.oc1.phx.x"]}},
        {"storage": {"cache": {"variable": "X"}}},
        {"auth": "identity_domain_session"},
        {"identity_domain": DOMAIN["identity_domain"]},
        {"name": "1st application"},
    ],
)
def test_what_does_not_go_together_is_no_stack(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        stack(**changes)


def test_variables_of_the_settings_go_before_those_of_the_stack() -> None:
    given = environment(SIXPLANE_OCI__REGION="us-chicago-1")
    found = variables_of(stack(**given).settings, "us-phoenix-1", COMPARTMENT)
    assert found["SIXPLANE_OCI__REGION"] == "us-chicago-1"
    assert found["SIXPLANE_OCI__COMPARTMENT_ID"] == COMPARTMENT
    assert "SIXPLANE_ORACLE__PASSWORD" not in found


SESSION = {
    "auth": "identity_domain_session",
    "identity_domain": {
        **DOMAIN["identity_domain"],
        "client_id": "c",
        "client_secret_id": "ocid1.vaultsecret.oc1.phx.c",
    },
}


@pytest.mark.parametrize(
    ("changes", "kind"),
    [(DOMAIN, "IDCS_AUTH_CONFIG"), (SESSION, "IDCS_SESSION_AUTH_CONFIG"), ({"auth": "none"}, "NO_AUTH_CONFIG")],
)
def test_each_authentication_is_a_kind_of_oci(changes: dict[str, Any], kind: str) -> None:
    wanted = desired_application(stack(**changes), {})
    auth = wanted.plain["inbound_auth_config"]
    assert auth["inbound_auth_config_type"] == kind
    secret = (auth["idcs_config"] or {}).get("client_secret_vault_id")
    assert secret == ("ocid1.vaultsecret.oc1.phx.c" if changes is SESSION else None)
    assert "inbound_auth_config" not in desired_application(stack(), {}).plain


@pytest.mark.parametrize(
    ("metric", "name"),
    [
        ("cpu", "target_cpu_threshold"),
        ("memory", "target_memory_threshold"),
        ("concurrency", "target_concurrency_threshold"),
        ("requests_per_second", "target_rps_threshold"),
    ],
)
def test_each_metric_has_its_threshold(metric: str, name: str) -> None:
    scaling = desired_application(stack(scaling={"metric": metric, "target": 70}), {}).plain["scaling_config"]
    assert {key: value for key, value in scaling.items() if key.startswith("target") and value} == {name: 70}
    assert scaling["scaling_type"] == metric.upper()


def test_a_price_is_named_with_its_source_or_said_to_be_unknown() -> None:
    unknown = costs_of(stack())[0]
    assert unknown.amount == "not known"
    assert "replica_hour_micro_usd" in unknown.source
    priced = {"replica_hour_micro_usd": 50_000, "replica_price_source": "quote of 2026-11-20"}
    known = costs_of(stack(**priced, scaling={"min_replicas": 2, "max_replicas": 4}))[0]
    assert known.amount == "73 USD a month, at most 146"
    assert "quote of 2026-11-20" in known.source


@pytest.mark.parametrize(
    ("wanted", "found", "told"),
    [
        ({"a": 1}, {"a": 1, "more": 2}, []),
        ({"a": 1}, {}, []),
        ({"a": None}, {"a": 5}, []),
        ({"a": {"b": 1, "c": None}}, {"a": {"b": 1, "c": 2}}, []),
        ({"a": {"b": 1}}, {"a": {"b": 2}}, ["a"]),
        ({"a": ["x", "y"]}, {"a": ["y", "x"]}, []),
        ({"a": ["x"]}, {"a": []}, ["a"]),
        ({"e": [{"name": "A", "value": "1"}]}, {"e": [{"name": "A", "value": "2"}]}, ["e.A"]),
        ({"e": [{"name": "A", "value": "1"}]}, {"e": [{"name": "A", "value": "****"}]}, []),
        ({"e": [{"name": "A", "type": "VAULT", "value": "1"}]}, {"e": [{"name": "A", "type": "VAULT"}]}, []),
        ({"e": [{"name": "A", "type": "VAULT"}]}, {"e": [{"name": "A", "type": "PLAINTEXT"}]}, ["e.A"]),
        ({"e": [{"name": "A"}]}, {"e": [{"name": "B"}]}, ["e.A", "e.B"]),
        ({"e": []}, {"e": [{"name": "B"}]}, ["e.B"]),
    ],
)
def test_differences_are_what_oci_returns_otherwise(wanted: Any, found: Any, told: list[str]) -> None:
    assert differing(wanted, found) == told


def test_the_same_part_has_the_same_retry_token_in_every_process_and_others_have_others() -> None:
    one, same, other = stack(), stack(scaling={"max_replicas": 5}), stack(owner="jane")
    assert one.token("application") == same.token("application") != other.token("application")
    assert one.token("application") != one.token("deployment")
    assert len(one.token("application")) <= 64


def test_statements_take_the_names_of_a_tenancy() -> None:
    assert "allow group admins to manage generative-ai-family in compartment here" in statements(
        group="admins", compartment="here"
    )
    assert all("ocid1.compartment.oc1..c" in rule for rule in matching_rules("ocid1.compartment.oc1..c"))
