"""What decides whether Presidio is asked covers everything that it can find."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from policy.guard import PROBE
from policy.recognisers.formats import NEEDED
from policy.recognisers.presidio import RECOGNISERS, presidio_recogniser

AROUND = st.sampled_from(["", " ", ".", "x", "1", "é", "\n", "(", "-"])


def shaped(kind: str) -> st.SearchStrategy[str]:
    """Texts of the form that Presidio's own patterns describe."""
    return st.one_of([st.from_regex(each.regex, fullmatch=True) for each in RECOGNISERS[kind]().patterns])


@pytest.mark.parametrize("kind", sorted(NEEDED))
def test_presidio_finds_nothing_in_a_text_that_it_is_not_given(kind: str) -> None:
    find, needed = presidio_recogniser(kind), NEEDED[kind]

    @settings(max_examples=120, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(st.tuples(AROUND, shaped(kind), AROUND).map("".join))
    def covered(text: str) -> None:
        assert needed.search(text) or not find(text)

    covered()


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
