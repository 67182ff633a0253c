"""The served OpenAPI is complete, and generated requests find no bug. `make fuzz` generates more of them."""

from __future__ import annotations

import pytest

from tests.experience.http.fuzz import fuzz


@pytest.mark.slow
async def test_generated_requests_find_no_bug(home):
    status, told = await fuzz(home, 4, "--phases", "fuzzing", "--generation-deterministic")
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
