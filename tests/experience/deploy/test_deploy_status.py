"""How a stack stands, and whether it answers."""

from __future__ import annotations

from dataclasses import replace

from experience.deploy.opening import Opened
from experience.deploy.status import StackStatus, status_of
from tests.experience.deploy.rig import DOMAIN, Rig


def standing(stack: Opened) -> StackStatus:
    return status_of(stack.edge, stack.session, stack.stack)


def test_an_application_with_iam_is_asked_with_a_signature(rig: Rig) -> None:
    before = standing(rig.open())
    assert (before.parts, before.endpoint, before.healthy) == ((), "", None)
    rig.apply(rig.open())
    found = standing(rig.open())
    assert [(part.part, part.state) for part in found.parts] == [("application", "ACTIVE"), ("deployment", "ACTIVE")]
    assert found.parts[1].detail == "phx.ocir.io/namespace/sixplane:0.1.0 (ACTIVE)"
    assert found.endpoint == (f"{rig.oci.url}/20251112/hostedApplicationsIam/{found.parts[0].id}/actions/invoke")
    assert found.healthy is True
    (asked,) = rig.oci.of("invoke")
    assert asked.headers["authorization"].startswith("Signature ")


def test_an_application_that_needs_a_token_is_not_asked_unless_the_path_is_public(rig: Rig) -> None:
    private = {**DOMAIN, "public_paths": []}
    rig.apply(rig.open(**private))
    found = standing(rig.open(**private))
    assert found.healthy is None
    assert "deploy.baseline.public_paths" in found.health
    rig.apply(rig.open(**DOMAIN))
    rig.oci.hosting.healthy = 503
    assert standing(rig.open(**DOMAIN)).health == "/health answers 503"
    stack = rig.open(**DOMAIN)
    nowhere = replace(stack.session, inference_endpoint="http://127.0.0.1:9")
    silent = standing(replace(stack, session=nowhere))
    assert (silent.healthy, silent.health) == (False, "does not answer: ConnectionError")
