"""The Kubernetes base is valid, fits the application, and is closed where it can be."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from experience.http.front.paths import PROBES
from tests.deploy.settings_of import ROOT, accepted

FOLDER = ROOT / "deploy" / "kubernetes"
KUSTOMIZATION = yaml.safe_load((FOLDER / "kustomization.yaml").read_text(encoding="utf-8"))
OBJECTS = {
    each["kind"]: each
    for name in KUSTOMIZATION["resources"]
    for each in yaml.safe_load_all((FOLDER / name).read_text(encoding="utf-8"))
}
POD = OBJECTS["Deployment"]["spec"]["template"]
(CONTAINER,) = POD["spec"]["containers"]


def test_the_base_has_all_its_files_and_one_object_of_each_kind() -> None:
    files = {path.name for path in FOLDER.glob("*.yaml")} - {"kustomization.yaml"}
    assert files == set(KUSTOMIZATION["resources"])
    assert len(OBJECTS) == len(files)
    assert {each["metadata"].get("namespace", each["metadata"]["name"]) for each in OBJECTS.values()} == {"sixplane"}


@pytest.mark.parametrize("kind", sorted(OBJECTS))
def test_each_object_is_one_that_kubernetes_takes(kind: str) -> None:
    kubernetes_validate.validate(OBJECTS[kind], "1.34", strict=True)


def test_a_misspelt_field_would_be_told() -> None:
    wrong = {**OBJECTS["Service"], "spec": {"selektor": {}}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, "1.34", strict=True)


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not here")
def test_kustomize_renders_it_with_a_version_of_the_image() -> None:
    done = subprocess.run(["kubectl", "kustomize", str(FOLDER)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    rendered = {each["kind"]: each for each in yaml.safe_load_all(done.stdout)}
    (image,) = KUSTOMIZATION["images"]
    container = rendered["Deployment"]["spec"]["template"]["spec"]["containers"][0]
    assert container["image"] == f"{image['newName']}:{image['newTag']}"
    container["image"] = CONTAINER["image"]
    assert rendered == OBJECTS


def test_it_is_one_application() -> None:
    labels = POD["metadata"]["labels"]
    service, autoscaler = OBJECTS["Service"]["spec"], OBJECTS["HorizontalPodAutoscaler"]["spec"]
    assert OBJECTS["Deployment"]["spec"]["selector"]["matchLabels"] == labels == service["selector"]
    assert OBJECTS["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == labels
    assert OBJECTS["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"] == labels
    assert autoscaler["scaleTargetRef"]["name"] == OBJECTS["Deployment"]["metadata"]["name"]
    assert "replicas" not in OBJECTS["Deployment"]["spec"]
    assert service["ports"][0]["targetPort"] == CONTAINER["ports"][0]["name"]
    assert [each["name"] for each in KUSTOMIZATION["images"]] == [CONTAINER["image"]]


def environment() -> dict[str, str]:
    secrets = {each["name"]: "x" * 30 for each in CONTAINER["env"]}
    return {**OBJECTS["ConfigMap"]["data"], **secrets}


def test_more_than_one_pod_means_the_profile_oracle(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settings = accepted(environment(), monkeypatch, tmp_path)
    assert OBJECTS["HorizontalPodAutoscaler"]["spec"]["minReplicas"] > 1
    assert (settings.profile, settings.run.recover) == ("oracle", True)
    assert settings.oci.auth == "oke_workload_identity"
    assert not re.search("PASSWORD(?!_SECRET_ID)|_KEY", " ".join(OBJECTS["ConfigMap"]["data"]))


def test_limits_leave_room_for_what_the_settings_allow(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settings = accepted(environment(), monkeypatch, tmp_path)
    resources, kept = CONTAINER["resources"], POD["spec"]["terminationGracePeriodSeconds"]
    assert int(resources["limits"]["memory"].removesuffix("Gi")) * 2**30 >= 1.5 * settings.data.limits.memory_bytes
    assert set(resources["requests"]) == set(resources["limits"]) == {"cpu", "memory", "ephemeral-storage"}
    assert kept > settings.server.drain_seconds + CONTAINER["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert CONTAINER["ports"][0]["containerPort"] == settings.server.port


def test_probes_ask_what_the_server_answers() -> None:
    asked = {name: CONTAINER[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "readiness", "liveness")}
    assert asked == {"startup": "/health", "readiness": "/ready", "liveness": "/health"}
    assert set(asked.values()) <= set(PROBES)


def test_the_pod_has_no_right_that_it_does_not_need() -> None:
    pod, container = POD["spec"]["securityContext"], CONTAINER["securityContext"]
    assert container == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pod["runAsNonRoot"] is True
    assert re.search(rf"^USER {pod['runAsUser']}:", (ROOT / "deploy/Dockerfile").read_text(), re.MULTILINE)
    assert pod["seccompProfile"] == {"type": "RuntimeDefault"}
    assert OBJECTS["Namespace"]["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    writable = {each["mountPath"] for each in CONTAINER["volumeMounts"]}
    assert writable == {"/var/lib/sixplane", "/tmp"}


def test_the_network_is_open_for_what_is_named_alone() -> None:
    policy = OBJECTS["NetworkPolicy"]["spec"]
    assert set(policy["policyTypes"]) == {"Ingress", "Egress"}
    outward = {port["port"] for rule in policy["egress"] for port in rule["ports"]}
    assert outward == {53, 443, 1521, 1522, 12250}
    (inward,) = policy["ingress"]
    assert inward["from"]
    assert [each["port"] for each in inward["ports"]] == [CONTAINER["ports"][0]["containerPort"]]


def test_the_workload_is_the_one_that_the_policy_on_oci_names() -> None:
    doc = (ROOT / "docs" / "oci.md").read_text(encoding="utf-8")
    (namespace,) = re.findall(r"principal\.namespace = '(\w+)'", doc)
    (account,) = re.findall(r"principal\.service_account = '(\w+)'", doc)
    assert namespace == OBJECTS["Namespace"]["metadata"]["name"]
    assert account == OBJECTS["ServiceAccount"]["metadata"]["name"] == POD["spec"]["serviceAccountName"]
