"""The served OpenAPI is complete, and generated requests find no bug. `make fuzz` generates more of them."""

from __future__ import annotations

import re

import pytest

from tests.experience.http.fuzz import fuzz


@pytest.mark.slow
async def test_generated_requests_find_no_bug(home):
    status, told = await fuzz(home, 2, "--phases", "fuzzing", "--generation-deterministic")
    assert status == 0, told[-4000:]
    assert "Tested: 30" in told


async def test_every_operation_is_described_and_needs_credentials(ann):
    paths = (await ann.get("/openapi.json")).json()["paths"]
    operations = {(method, path): each for path, of in paths.items() for method, each in of.items()}
    assert len(operations) == 30
    for name, operation in operations.items():
        assert operation["summary"], name
        assert operation["description"], name
        open_to_all = name[1] in ("/v1/health/live", "/v1/health/ready", "/health", "/ready")
        assert ("security" in operation) is not open_to_all, name
        assert {"401", "422", "429", "500"} <= set(operation["responses"]), name


async def test_every_operation_has_an_id_that_clients_are_made_of(ann):
    paths = (await ann.get("/openapi.json")).json()["paths"]
    ids = {operation["operationId"]: path for path, of in paths.items() for operation in of.values()}
    assert len(ids) == sum(len(of) for of in paths.values())
    assert [name for name in ids if not re.fullmatch("[a-z]+([A-Z][a-z]+)*", name)] == []
    guide = {"chat": "chat", "streamChat": "chat/stream", "batchProcess": "batch", "health": "health"}
    assert {name: ids[name] for name in guide} == {name: f"/v1/{path}" for name, path in guide.items()}


async def test_the_document_describes_events_problems_and_all_fields_of_an_answer(ann):
    document = (await ann.get("/openapi.json")).json()
    schemas = document["components"]["schemas"]
    stream = document["paths"]["/v1/chat/stream"]["post"]["responses"]
    data = stream["200"]["content"]["text/event-stream"]["itemSchema"]["properties"]["data"]
    assert data["contentSchema"] == {"$ref": "#/components/schemas/RunEvent"}
    assert set(schemas["RunEvent"]["discriminator"]["mapping"]) >= {"run_started", "text", "report", "failed"}
    assert stream["429"]["content"] == {
        "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
    }
    assert set(schemas["Report"]["required"]) == set(schemas["Report"]["properties"])
    assert "additionalProperties" not in schemas["Report"]
    assert schemas["ChatRequest"]["required"] == ["messages", "model"]
    assert schemas["ChatRequest"]["additionalProperties"] is False
