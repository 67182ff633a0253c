"""Amounts as people read and write them: exact, in both directions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from state.errors import BudgetExceeded
from state.money import dollars, micro_dollars


@given(st.integers(min_value=0, max_value=10**18 - 1))
def test_what_is_shown_reads_back_as_the_same_amount(amount):
    assert micro_dollars(dollars(amount)) == amount


@pytest.mark.parametrize(
    ("written", "amount"),
    [("25", 25_000_000), ("0.1", 100_000), (" 0.50 ", 500_000), ("1.0000010000000", 1_000_001), ("007", 7_000_000)],
)
def test_decimals_are_read_without_rounding(written, amount):
    assert micro_dollars(written) == amount


@pytest.mark.parametrize(
    "written", ["", ".5", "1.", "1,5", "1_000", "-1", "+1", "1e3", "nan", "Infinity", "0.0000001", "\u0661", "1" * 13]
)
def test_what_is_no_plain_decimal_is_refused(written):
    with pytest.raises(ValueError, match="six after it"):
        micro_dollars(written)


def test_negative_amounts_keep_their_sign():
    assert (dollars(-1), dollars(-1_500_000)) == ("-0.000001", "-1.5")


def test_a_spent_budget_is_told_in_usd():
    assert BudgetExceeded("run", 500_000, 500_001).message == "the run budget of 0.5 USD does not cover 0.500001 USD"
