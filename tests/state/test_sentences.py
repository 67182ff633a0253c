"""Sentence offsets: ordered, disjoint, complete, and good on what trips up naive splitters."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from state.sentences import sentences


def split(text):
    return [text[start:end] for start, end in sentences(text)]


ALPHABET = st.sampled_from([*"aZ9 .!?\n\f\r\t|#-*>\"')(。！…éDr`~", "Dr.", "U.S.", "\n\n", "et al.", "1. "])


@given(st.one_of(st.text(), st.lists(ALPHABET).map("".join)))
def test_sentences_are_ordered_disjoint_in_range_and_cover_all_but_white_space(text):
    spans = sentences(text)
    assert all(0 <= start < end <= len(text) for start, end in spans)
    assert all(left[1] <= right[0] for left, right in pairwise(spans))
    assert all(text[start:end] == text[start:end].strip() for start, end in spans)
    covered = {position for start, end in spans for position in range(start, end)}
    assert all(text[position].isspace() for position in set(range(len(text))) - covered)


@pytest.mark.parametrize(
    "sentence",
    [
        "Dr. Smith met Mrs. Jones in St. Louis.",
        "It grew by 3.5 per cent to 1.250.000 units.",
        "Version 1.2.3 fixes it.",
        "See Fig. 3 and Eq. 4 for details.",
        "The U.S. Senate agreed.",
        "J. R. R. Tolkien wrote it.",
        "This follows Li et al. 2019 closely.",
        "Use a store, e.g. SQLite, for it.",
        "He paid approx. 20 pounds.",
        "Is it No. 5 that they sell?",
        "Visit example.com or read setup.py first.",
    ],
)
def test_a_full_stop_inside_a_sentence_does_not_end_it(sentence):
    assert split(f"{sentence} Then they left.") == [sentence, "Then they left."]


def test_marks_quotes_and_citations_stay_with_their_sentence():
    assert split('"Stop!" She ran. He (too.) Then?! End…') == ['"Stop!"', "She ran.", "He (too.)", "Then?!", "End…"]
    assert split("It is so.[12] It was not.") == ["It is so.[12]", "It was not."]
    assert split("It is so. [E3] [E4] It was not. [E5]") == ["It is so. [E3] [E4]", "It was not. [E5]"]


def test_cjk_full_stops_need_no_space():
    assert split("今日は雨。明日は晴れ！本当？") == ["今日は雨。", "明日は晴れ！", "本当？"]


def test_lines_that_stand_for_themselves_are_boundaries():
    markdown = "# Title\nFirst line\nruns on. Next.\n- one item\n- two\n  lines\n\n| a | b |\n| 1 | 2 |\n\fPage two"
    assert split(markdown) == [
        "# Title",
        "First line\nruns on.",
        "Next.",
        "- one item",
        "- two\n  lines",
        "| a | b |",
        "| 1 | 2 |",
        "Page two",
    ]


def test_an_enumeration_number_is_no_sentence():
    assert split("1. Open the valve. Wait.\n2. Close it.") == ["1. Open the valve.", "Wait.", "2. Close it."]


def test_nothing_comes_of_white_space():
    assert sentences("") == []
    assert sentences(" \n\f\t ") == []
