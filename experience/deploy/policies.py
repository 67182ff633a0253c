"""The IAM statements that a stack needs. docs/oci.md has the same, and a test compares them."""

from __future__ import annotations

DEPLOYERS = ("allow group {group} to manage generative-ai-family in compartment {compartment}",)
"""For people who run `sixplane deploy`. The family covers applications, deployments, storage and work requests."""

APPLICATION = (
    "allow dynamic-group {dynamic_group} to read repos in compartment {compartment}",
    "allow dynamic-group {dynamic_group} to read secret-bundles in compartment {compartment}",
    "allow dynamic-group {dynamic_group} to use generative-ai-family in compartment {compartment}",
)
"""For the application itself: its image, its secrets, its models."""

CALLERS = ("allow group {callers} to use generative-ai-hosted-application-iam in compartment {compartment}",)
"""For those who call an application with the authentication `iam`. The verb is an assumption."""

RESOURCE_TYPES = (
    "generativeaihostedapplication",
    "generativeaihostedapplicationiam",
    "generativeaihosteddeployment",
)
"""What the dynamic group consists of. An image cannot be read before they all are in it."""

_NAMES = {"group": "deployers", "dynamic_group": "sixplane", "callers": "researchers", "compartment": "research"}


def statements(**names: str) -> tuple[str, ...]:
    """Return every statement; `names` replaces the group, the dynamic group, the callers and the compartment."""
    return tuple(each.format_map({**_NAMES, **names}) for each in (*DEPLOYERS, *APPLICATION, *CALLERS))


def matching_rules(compartment_id: str) -> tuple[str, ...]:
    """Return the matching rules of the dynamic group."""
    where = f"resource.compartment.id = '{compartment_id}'"
    return tuple(f"ALL {{resource.type = '{kind}', {where}}}" for kind in RESOURCE_TYPES)
