"""The Terraform stack names only what exists, asks for what its form asks, and allows what docs/oci.md allows."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from oci.generative_ai.models import UpdateHostedDeploymentDetails

from experience.deploy.policies import APPLICATION, RESOURCE_TYPES, matching_rules
from tests.deploy.settings_of import ROOT, accepted
from tests.deploy.stack import FOLDER, META, Body, blocks, labelled, local_values, outputs, resource, variables

PROVIDER = tomllib.loads((Path(__file__).parent / "provider.toml").read_text(encoding="utf-8"))
TEXT = "\n".join(path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.tf")))
CODE = re.sub(r"#.*", "", TEXT)
SCHEMA = yaml.safe_load((FOLDER / "schema.yaml").read_text(encoding="utf-8"))
OCI_DOC = (ROOT / "docs" / "oci.md").read_text(encoding="utf-8")
WANTED = {
    *("oci_database_autonomous_database", "oci_generative_ai_hosted_application"),
    *("oci_generative_ai_hosted_deployment", "oci_artifacts_container_repository", "oci_vault_secret"),
    *("oci_logging_log_group", "oci_logging_log", "oci_ons_notification_topic", "oci_apm_apm_domain"),
    *("oci_identity_dynamic_group", "oci_identity_policy", "oci_budget_budget", "oci_budget_alert_rule"),
}
FIELDS = {"string", "number", "integer", "boolean", "enum"}
"""Types of Resource Manager's form that are no `oci:…`."""


def faults(body: Body, known: dict[str, Any], where: str) -> Iterator[str]:
    """Yield each argument that the provider does not document, and each that it requires and is not there."""
    plain = {name: value for name, value in body.items() if name not in META | {"dynamic"}}
    dynamic = {name: each["content"][0] for block in body.get("dynamic", ()) for name, each in block.items()}
    given = {*plain, *dynamic}
    yield from (f"{where}: no argument {name}" for name in given - {*known["required"], *known["optional"]})
    yield from (f"{where}: {name} is missing" for name in set(known["required"]) - given)
    for name, inner in known.get("blocks", {}).items():
        parts = [*plain.get(name, ()), *([dynamic[name]] if name in dynamic else ())]
        for each in parts:
            yield from faults(each, inner, f"{where}.{name}")


@pytest.mark.parametrize("kind", ["resource", "data"])
def test_each_argument_is_one_that_the_provider_documents(kind: str) -> None:
    found = [
        fault
        for of_type, name, body in labelled(kind)
        for fault in faults(body, PROVIDER[kind][of_type], f"{of_type}.{name}")
    ]
    assert found == []


def test_a_wrong_argument_would_be_told() -> None:
    known = PROVIDER["resource"]["oci_kms_key"]
    told = set(faults({"display_name": "", "key_shape": [{"size": 3}], "colour": ""}, known, "key"))
    assert {"key: no argument colour", "key: compartment_id is missing", "key.key_shape: no argument size"} <= told


def test_the_stack_makes_all_that_its_page_lists() -> None:
    made = {of_type for of_type, _, _ in labelled("resource")}
    assert made >= WANTED
    page = (ROOT / "docs" / "terraform.md").read_text(encoding="utf-8")
    assert {each for each in made if f"`{each}`" not in page} == set()


def test_each_reference_leads_somewhere() -> None:
    named = {f"{of_type}.{name}" for of_type, name, _ in labelled("resource")}
    sources = {f"{of_type}.{name}" for of_type, name, _ in labelled("data")}
    assert set(re.findall(r"(?<![\w.])(oci_\w+\.\w+)", CODE)) - named == set()
    assert set(re.findall(r"\bdata\.(oci_\w+\.\w+)", CODE)) == sources
    assert set(re.findall(r"\bvar\.(\w+)", CODE)) == set(variables())
    assert set(re.findall(r"\blocal\.(\w+)", CODE)) == set(local_values())


def test_the_form_asks_for_every_variable_once_and_has_the_same_defaults() -> None:
    grouped = [name for group in SCHEMA["variableGroups"] for name in group["variables"]]
    assert sorted(grouped) == sorted(SCHEMA["variables"]) == sorted(variables())
    for name, body in variables().items():
        field = SCHEMA["variables"][name]
        assert str(field.get("default") or "") == str(body.get("default") or ""), name
        assert field.get("required", False) or "default" in body or "visible" in field, name
        assert field["type"] in FIELDS or field["type"].startswith("oci:"), name
        assert body["description"].endswith("."), name
        allowed = re.search(r"contains\(\[(.*?)\]", str(body.get("validation", "")))
        if allowed:
            assert field["enum"] == [each.strip(' "') for each in allowed[1].split(",")], name


def test_what_the_form_refers_to_exists() -> None:
    refers = re.findall(r"\$\{(\w+)\}", str(SCHEMA["variables"]))
    refers += [each["visible"]["eq"][0] for each in SCHEMA["variables"].values() if "visible" in each]
    assert set(refers) - set(SCHEMA["variables"]) == set()
    shown = [name for group in SCHEMA["outputGroups"] for name in group["outputs"]]
    assert sorted(shown) == sorted(SCHEMA["outputs"]) == sorted(outputs())
    assert SCHEMA["primaryOutputButton"] in shown
    assert all(body["description"] for body in outputs().values())


def test_no_password_is_a_variable_an_output_or_a_plain_setting() -> None:
    assert [name for name in (*variables(), *outputs()) if re.search("password|key", name)] == [
        "database_password_secret"
    ]
    made = {name: body for of_type, name, body in labelled("resource") if of_type == "oci_vault_secret"}
    assert made["generated"]["enable_auto_generation"] is True
    assert "secret_content" not in made["generated"]
    database = resource("oci_database_autonomous_database")
    assert "secret_id" in database
    assert "admin_password" not in database


def names(of: str) -> list[str]:
    return re.findall(r"\b(SIXPLANE_\w+)", str(local_values()[of]))


def test_the_applications_environment_are_settings_and_secrets_come_from_the_vault(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    plain = dict(re.findall(r'(SIXPLANE_\w+) *= *"([^"$]*)"', CODE))
    others = {name: "https://example.com" for name in names("settings") if name not in plain}
    others["SIXPLANE_SERVER__AUTH"] = "oidc"
    settings = accepted({**plain, **others, **dict.fromkeys(names("secrets"), "x" * 30)}, monkeypatch, tmp_path)
    assert (settings.profile, settings.oci.auth, settings.run.recover) == ("oracle", "resource_principal", True)
    assert not re.search("_KEY|PASSWORD(?!_SECRET_ID)", " ".join(names("settings")))
    kinds = re.findall(r'for_each = local\.(\w+)\s+content \{\s+name .*\s+type += "(\w+)"', CODE)
    assert dict(kinds) == {"settings": "PLAINTEXT", "secrets": "VAULT"}


def test_only_the_replicas_reach_the_database() -> None:
    rules = [body for of_type, _, body in labelled("resource") if of_type.endswith("group_security_rule")]
    inward = [body for body in rules if body["direction"] == "INGRESS"]
    assert [(each["source_type"], "application" in each["source"]) for each in inward] == [
        ("NETWORK_SECURITY_GROUP", True)
    ]
    assert resource("oci_database_autonomous_database")["nsg_ids"] == ["${oci_core_network_security_group.database.id}"]
    assert resource("oci_artifacts_container_repository")["is_public"] is False


def plain(statement: str) -> str:
    """Return what a policy allows, without whom and where."""
    told = re.fullmatch(r"allow (?:dynamic-group|group) \S+ to (.+?) in compartment (?:id )?(\S+)(.*)", statement)
    assert told, statement
    return f"{told[1]}{told[3]}"


def test_the_stack_allows_what_the_page_on_oci_and_deploy_allow() -> None:
    section = OCI_DOC.split("\n## Policies\n")[1].split("\n## ")[0]
    first, *_ = re.findall(r"```text\n(.*?)```", section, re.DOTALL)
    needed = [*first.splitlines(), *(each.format(dynamic_group="sixplane", compartment="x") for each in APPLICATION)]
    allowed = [plain(each) for each in resource("oci_identity_policy")["statements"]]
    assert set(allowed) == {plain(each) for each in needed}
    assert len(allowed) == len(set(allowed)) == 7
    assert re.findall(r'"(generativeai\w+)"', resource("oci_identity_dynamic_group")["matching_rule"]) == list(
        RESOURCE_TYPES
    )
    rule = re.search(r'"(ALL \{.*\})"$', CODE, re.MULTILINE)
    assert rule
    here = rule[1].replace("${kind}", RESOURCE_TYPES[0]).replace("${var.compartment_ocid}", "x")
    assert here == matching_rules("x")[0]


def test_a_new_image_changes_the_deployment_in_place() -> None:
    changeable = {*UpdateHostedDeploymentDetails().swagger_types, *META}
    given = resource("oci_generative_ai_hosted_deployment")
    moved = [name for name, value in given.items() if name not in changeable and "image_tag" in str(value)]
    assert moved == [], "another tag would replace the deployment, which OCI does not delete while it is active"


def test_ocis_budget_alerts_come_at_the_shares_of_ours() -> None:
    *others, last = re.findall(r'"(\d+)"', resource("oci_budget_alert_rule")["for_each"])
    assert f"budget alerts at {', '.join(others)} and {last} %" in OCI_DOC


def test_the_versions_are_bounded_below() -> None:
    (block,) = blocks()["terraform"]
    assert block["required_version"] == ">= 1.5.0"
    assert block["required_providers"][0]["oci"] == {"source": "oracle/oci", "version": ">= 8.28.0"}


@pytest.mark.skipif(shutil.which("terraform") is None, reason="Terraform is not here")
def test_the_files_have_terraforms_format() -> None:
    done = subprocess.run(["terraform", "fmt", "-check", "-diff", str(FOLDER)], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")
