"""Rows whose texts no guard could screen are failed rows, and a retry asks them again."""

from __future__ import annotations

import pytest

from policy import Stage
from tests.experience.batch.cases import Case, asking


@pytest.mark.parametrize("stage", Stage)
async def test_a_row_that_could_not_be_screened_is_asked_again_on_request(tmp_path, broken, stage):
    case = Case(tmp_path).write(*asking(1))
    broken(stage)
    first, summary = await case.run()
    (ended,) = first.values()
    assert (ended.status, ended.error.code) == ("failed", "guard_unavailable")
    assert (summary.failed_by_code, summary.exit_status) == ({"guard_unavailable": 1}, 5)
    broken(None)
    assert (await case.run())[0] == {}
    (retried,) = (await case.run(retry_failed=True))[0].values()
    assert (retried.status, retried.attempt) == ("done", 2)
