"""One question in three ways to the same model of OCI: the reports are the same but for ids."""

from __future__ import annotations

from typing import Any

import pytest

from state.values import Status
from tests.doubles.oci import LocalOCI
from tests.doubles.oci.demo import WAYS, bare
from tests.doubles.oci.session import local_settings
from tests.experience.service.test_oci_runs import ask, ingested, play


@pytest.mark.long
async def test_the_reports_of_three_ways_are_the_same_but_for_ids(tmp_path: Any) -> None:
    reports = []
    for way, (given, operation) in WAYS.items():
        with LocalOCI(play) as oci:
            chosen = {
                "models": {"default": given["SIXPLANE_MODELS__DEFAULT"]},
                "oci": {"openai": {"surface": given.get("SIXPLANE_OCI__OPENAI__SURFACE", "auto")}},
            }
            settings = local_settings(oci, tmp_path / way / "home", **chosen)
            await ingested(settings)
            reports.append(await ask(settings))
            assert {call.path for call in oci.calls} == {operation, "applyGuardrails"}
            assert all(call.verified for call in oci.calls)
    assert [report.status for report in reports] == [Status.ANSWERED] * len(WAYS)
    assert len({bare(report.model_dump(mode="json")) for report in reports}) == 1
