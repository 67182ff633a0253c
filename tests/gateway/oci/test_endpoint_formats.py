"""A dedicated endpoint, named by its OCID, is asked in the format that the settings name."""

from __future__ import annotations

from typing import Any

import pytest

from gateway import CallScope, Gateway, Governor, Ledger, catalog_of
from gateway.classification import classify
from gateway.oci.plane import OCIModels
from state.roles import ResearchPlan
from state.values import Role
from tests.doubles.oci import LocalOCI, Reply
from tests.doubles.oci.session import local_session, local_settings

ENDPOINT = "ocid1.generativeaiendpoint.oc1.us-chicago-1.local"
PLAN = ResearchPlan(standalone_question="Why?", sub_questions=["Why now?"])


@pytest.mark.parametrize(("named", "sent"), [("COHERE",) * 2, ("COHEREV2",) * 2, ("GENERIC",) * 2, (None, "GENERIC")])
async def test_the_format_that_is_asked_for_is_sent(tmp_path: Any, named: str | None, sent: str) -> None:
    formats = {ENDPOINT: named} if named else {}
    with LocalOCI(lambda _: Reply(PLAN.model_dump_json())) as oci:
        settings = local_settings(oci, tmp_path / "home", oci={"endpoint_formats": formats})
        ledger = Ledger(settings)
        governor = Governor(settings, ledger, classify)
        plane = OCIModels(settings, local_session(oci), governor, catalog_of(settings))
        gateway = Gateway(settings, ledger=ledger, embeddings=None, oci=plane, governor=governor)
        scope = CallScope("local", "run", "thread", "task", 1, Role.RESEARCHER, ENDPOINT, max_output_tokens=500)
        plan = await gateway.chat_model(scope).with_structured_output(ResearchPlan).ainvoke("Plan: why?")
        await plane.aclose()
    assert plan == PLAN
    (call,) = oci.of("chat")
    asked = call.body["chatRequest"]
    assert call.body["servingMode"] == {"servingType": "DEDICATED", "endpointId": ENDPOINT}
    assert (asked["apiFormat"], asked["maxTokens"]) == (sent, 500)
    assert asked["responseFormat"]["type"] in ("JSON_OBJECT", "JSON_SCHEMA")
    assert ("messages" in asked) is (sent != "COHERE")
