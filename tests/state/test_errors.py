"""Every error of the tree crosses from one process to another as it is."""

from __future__ import annotations

import pickle

import pytest

from state.errors import BudgetExceeded, RateLimited, SettingsInvalid, SixplaneError, TooBusy

ERRORS = [
    SettingsInvalid("no", hint="set it"),
    TooBusy("two runs are active", retry_after=3),
    RateLimited("one run is active", retry_after=4),
    BudgetExceeded("month", 1_000_000, 2_000_000),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.code)
def test_a_copied_error_says_the_same(error: SixplaneError) -> None:
    copied = pickle.loads(pickle.dumps(error))
    assert (type(copied), str(copied), vars(copied)) == (type(error), str(error), vars(error))
