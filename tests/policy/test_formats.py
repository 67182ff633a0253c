"""What decides whether Presidio is asked covers everything that it can find."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from policy.guard import PROBE
from policy.recognisers.formats import NEEDED
from policy.recognisers.presidio import MIN_SCORE, RECOGNISERS, presidio_recogniser

AROUND = st.sampled_from(["", " ", ".", "x", "1", "é", "\n", "(", "-"])


EXAMPLES = {
    "CREDIT_CARD": (
        "4111111111111111", "4111 1111 1111 1111", "5555-5555-5555-4444", "378282246310005", "501800000009",
        "4000000000000000006", "6011000990139424",
    ),
    "CRYPTO": (
        "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy",
        "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
        "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",
    ),
    "IBAN_CODE": (
        "DE89370400440532013000", "DE89 3704 0044 0532 0130 00", "GB82-WEST-1234-5698-7654-32", "NO9386011117947",
        "NO93 8601 1117 947", "FR14 2004 1010 0505 0001 3M02 606", "MT84MALT011000012345MTLCAST001S",
    ),
}  # fmt: skip
"""Valid ones of the kinds that have a check digit: a text drawn by a pattern is right once in 10, 97 or 2³² times."""


def drawn(kind: str) -> st.SearchStrategy[str]:
    """Texts of the form that those of Presidio's own patterns describe which can count.

    Whatever its score, a text counts whose check digit is right.
    """
    patterns = [each for each in RECOGNISERS[kind]().patterns if kind in EXAMPLES or each.score >= MIN_SCORE]
    return st.one_of([st.from_regex(each.regex, fullmatch=True) for each in patterns])


@pytest.mark.parametrize("kind", sorted(NEEDED))
def test_whatever_presidio_could_find_is_given_to_it(kind: str) -> None:
    needed = NEEDED[kind]

    @settings(max_examples=120, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(st.tuples(AROUND, drawn(kind), AROUND).map("".join))
    def covered(text: str) -> None:
        assert needed.search(text) or (kind == "IP_ADDRESS" and not presidio_recogniser(kind)(text))

    covered()


@pytest.mark.parametrize("kind", sorted(EXAMPLES))
def test_valid_examples_are_given_to_presidio_which_finds_them(kind: str) -> None:
    for example in EXAMPLES[kind]:
        assert NEEDED[kind].search(example), example
        assert presidio_recogniser(kind)(f"It is {example}."), example


def test_every_recogniser_of_presidio_has_a_needed_form() -> None:
    assert set(NEEDED) == set(RECOGNISERS)
    assert all(needed.search(PROBE) for needed in NEEDED.values())


def test_a_text_without_personal_data_loads_neither_presidio_nor_the_library_of_telephone_numbers() -> None:
    code = """
import sys
from policy.pii import find_personal_data
assert not find_personal_data("Version 12.3 of 2026-11-28: 4,096 budgets, at 10:30, for 5 people.")
foreign = {"presidio_analyzer", "spacy", "phonenumbers"}
assert not foreign & set(sys.modules), foreign & set(sys.modules)
assert [each.kind for each in find_personal_data("ann@example.com")] == ["EMAIL_ADDRESS"]
assert "presidio_analyzer" in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
