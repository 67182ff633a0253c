"""A difference contradicts a claim only in a sentence that says the same of the same thing."""

from __future__ import annotations

import pytest

from nodes.checks import Assertion, Cited, examine
from nodes.checks.aligned import aligned, otherwise
from nodes.checks.directions import direction
from state.values import ClaimFault, Support


@pytest.mark.parametrize(
    ("claim", "text", "verdict", "fault"),
    [
        ("The lamp burns for 9 hours.", "The lamp burns for 7 hours.", Support.CONTRADICTED, ClaimFault.NUMBER),
        ("The lamp burns for 9 hours.", "Its keeper slept for 7 hours.", Support.UNSUPPORTED, ClaimFault.NUMBER),
        ("Ada Brown paid 90 dollars.", "Eve Green paid 70 dollars.", Support.UNSUPPORTED, ClaimFault.NUMBER),
        ("The mill closed on 3 May 1990.", "The mill closed on 3 May 1980.", Support.CONTRADICTED, ClaimFault.DATE),
        ("The mill closed on 3 May 1990.", "The page is of 2 June 2011.", Support.UNSUPPORTED, ClaimFault.DATE),
        ("The drug raises the blood pressure.", "In mice the drug lowers the blood pressure a bit.",
         Support.CONTRADICTED, ClaimFault.OPPOSITE),
    ],
)  # fmt: skip
def test_only_an_aligned_sentence_contradicts(claim: str, text: str, verdict: Support, fault: ClaimFault) -> None:
    found = examine(Assertion(claim), [Cited(text)], [text])
    assert (found.verdict, found.fault) == (verdict, fault)


@pytest.mark.parametrize(
    ("claim", "sentence"),
    [
        ("The drug raises the blood pressure.", "The drug does not lower the blood pressure."),
        ("The drug raises the blood pressure.", "The drug lowers the blood pressure less than the placebo."),
        ("The drug raises the blood pressure.", "The placebo lowers the fever of a child."),
        ("The drug raises the blood pressure.", "The drug raises and then lowers the blood pressure."),
        ("The drug raises the pressure if taken late.", "The drug lowers the pressure, taken early."),
    ],
)
def test_a_sentence_that_may_mean_something_else_points_nowhere(claim: str, sentence: str) -> None:
    assert not otherwise(claim, [sentence])


def test_a_second_sentence_for_the_claim_takes_the_contradiction_back() -> None:
    claim, against = "The drug raises the blood pressure.", "In mice the drug lowers the blood pressure."
    assert otherwise(claim, [against])
    assert not otherwise(claim, [against, "In adults the drug raises the blood pressure."])


def test_an_aligned_sentence_names_what_the_claim_names() -> None:
    assert aligned("In Rome the lamp burns for 9 hours.", "The lamp of Rome burns for 7 hours.")
    assert not aligned("In Rome the lamp burns for 9 hours.", "The lamp burns for 7 hours.")


def test_a_direction_needs_words_of_one_side() -> None:
    assert [direction(text) for text in ("It inhibits growth by half.", "It inhibits the enzyme.")] == [0, -1]


def test_a_list_item_is_denied_by_the_introduction_of_its_list_and_not_by_the_item_before_it() -> None:
    items = "\n\n1. Do not wait without a reason, but rotate the key.\n2. Reset the token."
    for introduction, verdict in (("Do one of these:", Support.SUPPORTED), ("None of these is allowed:", None)):
        assert examine(Assertion("Reset the token."), [Cited(introduction + items)], []).verdict is verdict
