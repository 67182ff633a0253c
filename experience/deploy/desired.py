"""What a stack should be on OCI: the requests of the SDK that make its parts.

Import it inside functions: the SDK is slow to import.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from oci.generative_ai import models
from oci.util import to_dict

from experience.deploy.stack import Stack, fingerprint
from experience.deploy.values import APPLICATION, APPLICATION_IAM, FIXED_TAG, PART_TAG, SETTINGS_TAG, Kind
from experience.deploy.variables import variables_of
from settings.deploying import StackSettings

DESCRIPTION = "Sixplane, made by `sixplane deploy`"

_AUTH = {
    "identity_domain": "IDCS_AUTH_CONFIG",
    "identity_domain_session": "IDCS_SESSION_AUTH_CONFIG",
    "none": "NO_AUTH_CONFIG",
}
_TARGETS = {
    "cpu": ("CPU", "target_cpu_threshold"),
    "memory": ("MEMORY", "target_memory_threshold"),
    "concurrency": ("CONCURRENCY", "target_concurrency_threshold"),
    "requests_per_second": ("REQUESTS_PER_SECOND", "target_rps_threshold"),
}
FIXED = ("networking_config", "storage_configs")
"""Fields of an application that no update request has: a change needs another application."""
_SHARED = ("display_name", "description", "scaling_config", "environment_variables")
_OF_DOMAIN = ("inbound_auth_config", "public_access_path_patterns")


@dataclass(frozen=True)
class Desired:
    """The application that a stack wants.

    Args:
        kind: which of the two kinds of applications.
        fields: its fields, as the SDK's models.
        tags: its freeform tags, with the fingerprints of its fields.
    """

    kind: Kind
    fields: Mapping[str, Any]
    tags: Mapping[str, str]

    @property
    def plain(self) -> dict[str, Any]:
        """Its fields as plain values, to be compared with what OCI returns."""
        return {name: to_dict(value) for name, value in self.fields.items()}

    def create_details(self, compartment_id: str) -> Any:
        """Return the request that makes it."""
        of = models.CreateHostedApplicationIamDetails if self.kind is APPLICATION_IAM else None
        made = of or models.CreateHostedApplicationDetails
        return made(compartment_id=compartment_id, freeform_tags=dict(self.tags), **self.fields)

    def update_details(self, tags: Mapping[str, str]) -> Any:
        """Return the request that changes an application into it; `tags` of others are kept."""
        of = models.UpdateHostedApplicationIamDetails if self.kind is APPLICATION_IAM else None
        made = of or models.UpdateHostedApplicationDetails
        changeable = {name: value for name, value in self.fields.items() if name not in FIXED}
        return made(freeform_tags={**tags, **self.tags}, **changeable)


def desired_application(stack: Stack, storage_ids: Mapping[str, str]) -> Desired:
    """Return the application of `stack`.

    Args:
        stack: the stack.
        storage_ids: OCIDs of its storages, by their names in the settings.
    """
    kind = APPLICATION_IAM if stack.settings.auth == "iam" else APPLICATION
    given = _fields(stack, storage_ids)
    names = (*_SHARED, *FIXED) if kind is APPLICATION_IAM else (*_SHARED, *_OF_DOMAIN, *FIXED)
    fields = {name: given[name] for name in names}
    fixed = {name: to_dict(fields[name]) for name in FIXED}
    changeable = {name: to_dict(value) for name, value in fields.items() if name not in FIXED}
    tags = {
        **stack.tags,
        PART_TAG: "application",
        SETTINGS_TAG: fingerprint(changeable)[:16],
        FIXED_TAG: fingerprint(fixed)[:16],
    }
    return Desired(kind, fields, tags)


def storage_details(stack: Stack, name: str) -> Any:
    """Return the request that makes the storage `name` of the settings."""
    return models.CreateHostedApplicationStorageDetails(
        display_name=stack.storage_name(name),
        description=DESCRIPTION,
        compartment_id=stack.compartment_id,
        storage_type=stack.settings.storage[name].type,
        freeform_tags={**stack.tags, PART_TAG: f"storage:{name}"},
    )


def deployment_details(stack: Stack, application_id: str) -> Any:
    """Return the request that makes the deployment."""
    return models.CreateHostedDeploymentDetails(
        display_name=stack.display_name,
        compartment_id=stack.compartment_id,
        hosted_application_id=application_id,
        active_artifact=active_artifact(stack),
        freeform_tags={**stack.tags, PART_TAG: "deployment"},
    )


def active_artifact(stack: Stack) -> Any:
    """Return the image, as the deployment names it."""
    uri, tag = stack.image
    scan = stack.settings.scan_required
    return models.SingleDockerArtifact(container_uri=uri, tag=tag, is_vulnerability_scan_required=scan)


def artifact_details(stack: Stack) -> Any:
    """Return the request that adds the image to a deployment."""
    uri, tag = stack.image
    scan = stack.settings.scan_required
    return models.AddArtifactDetails(
        artifact=models.CreateSingleDockerArtifactDetails(
            container_uri=uri, tag=tag, is_vulnerability_scan_required=scan
        )
    )


def deployment_update(stack: Stack) -> Any:
    """Return the request that makes the image the active one."""
    return models.UpdateHostedDeploymentDetails(active_artifact=active_artifact(stack))


def _fields(stack: Stack, storage_ids: Mapping[str, str]) -> dict[str, Any]:
    given = stack.settings
    return {
        "display_name": stack.display_name,
        "description": DESCRIPTION,
        "scaling_config": _scaling(given),
        "environment_variables": _environment(stack),
        "networking_config": _networking(given),
        "storage_configs": [
            models.StorageConfig(
                storage_id=each.id or storage_ids.get(name, ""), environment_variable_key=each.variable
            )
            for name, each in sorted(given.storage.items())
        ],
        "inbound_auth_config": _inbound(given),
        "public_access_path_patterns": list(given.public_paths),
    }


def _scaling(given: StackSettings) -> Any:
    kind, target = _TARGETS[given.scaling.metric]
    return models.ScalingConfig(
        min_replica=given.scaling.min_replicas,
        max_replica=given.scaling.max_replicas,
        scaling_type=kind,
        **{target: given.scaling.target},
    )


def _environment(stack: Stack) -> list[Any]:
    plain = variables_of(stack.settings, stack.region, stack.compartment_id)
    typed = [(name, "PLAINTEXT", value) for name, value in plain.items()]
    typed += [(name, "VAULT", secret_id) for name, secret_id in stack.settings.secrets.items()]
    return [models.EnvironmentVariable(name=name, type=kind, value=value) for name, kind, value in sorted(typed)]


def _inbound(given: StackSettings) -> Any:
    if given.auth in ("none", "iam"):
        return models.InboundAuthConfig(inbound_auth_config_type=_AUTH["none"])
    domain = given.identity_domain
    config = models.IdcsAuthConfig(
        domain_url=domain.url,
        scope=domain.scope,
        audience=domain.audience or None,
        client_id=domain.client_id or None,
        client_secret_vault_id=domain.client_secret_id or None,
    )
    return models.InboundAuthConfig(inbound_auth_config_type=_AUTH[given.auth], idcs_config=config)


def _networking(given: StackSettings) -> Any:
    network = given.network
    inbound = models.InboundNetworkingConfig(
        endpoint_mode="PRIVATE" if network.private_endpoint_id else "PUBLIC",
        private_endpoint_id=network.private_endpoint_id or None,
    )
    outbound = models.OutboundNetworkingConfig(
        network_mode="CUSTOM" if network.subnet_id else "MANAGED",
        custom_subnet_id=network.subnet_id or None,
        nsg_ids=sorted(network.nsg_ids) or None,
    )
    return models.NetworkingConfig(inbound_networking_config=inbound, outbound_networking_config=outbound)
