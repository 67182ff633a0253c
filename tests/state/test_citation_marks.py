"""The one grammar of citation marks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from state.citation_marks import DRAFT_MARK, REPORT_MARK, aliases_in, neutralised, with_brackets


@pytest.mark.parametrize(
    ("text", "aliases"),
    [
        ("Ten a minute [E1].", ("E1",)),
        ("Ten a minute [E1, E2]; twelve [E2][E3].", ("E1", "E2", "E3")),
        ("Ten a minute.[^E4]", ("E4",)),
        ("Ten a minute 【E12】.", ("E12",)),
        ("Ten a minute [E 1] [1] (E1) E1.", ()),
    ],
)
def test_marks_of_a_draft(text: str, aliases: tuple[str, ...]) -> None:
    assert aliases_in(text) == aliases


@given(st.text(alphabet="[]【】E^1234,;-– a", max_size=60))
def test_neutralised_text_holds_no_mark_and_keeps_its_length(text: str) -> None:
    neutral = neutralised(text)
    assert len(neutral) == len(text)
    assert not DRAFT_MARK.search(neutral)
    assert not REPORT_MARK.search(neutral)
    assert neutralised(neutral) == neutral


def test_neutralising_keeps_other_brackets() -> None:
    assert neutralised("a[i] [x] [E1, E2] [3]") == "a[i] [x] ⟦E1, E2⟧ ⟦3⟧"


@given(st.text(alphabet="[]E^1234,;-– a", max_size=60))
def test_code_gets_back_the_brackets_that_were_neutralised(code: str) -> None:
    assert with_brackets(neutralised(code)) == code


def test_other_brackets_of_code_stay() -> None:
    assert with_brackets("⟦x⟧ ⟦⟧ row⟦0⟧") == "⟦x⟧ ⟦⟧ row[0]"
