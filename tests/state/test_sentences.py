"""Sentence offsets: ordered, disjoint, complete, and good on what trips up naive splitters."""

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from state.sentences import sentences


def split(text):
    return [text[start:end] for start, end in sentences(text)]


MARKS = ["Dr.", "U.S.", "\n\n", "et al.", "1. ", "k: ", "; ", " | ", "`", "「", "」", "z. B. "]
ALPHABET = st.sampled_from([*"aZ9 .!?\n\f\r\t|#-*>\"')(。！…éDr`~", *MARKS])


@given(st.one_of(st.text(), st.lists(ALPHABET).map("".join)))
def test_sentences_are_ordered_disjoint_in_range_and_cover_all_but_white_space(text):
    spans = sentences(text)
    assert all(0 <= start < end <= len(text) for start, end in spans)
    assert all(left[1] <= right[0] for left, right in pairwise(spans))
    assert all(text[start:end] == text[start:end].strip() for start, end in spans)
    covered = {position for start, end in spans for position in range(start, end)}
    assert all(text[position].isspace() for position in set(range(len(text))) - covered)


CASES = [
    pytest.param(text.replace("⏎", "\n"), id=f"{kind}-{n}")
    for n, line in enumerate(Path(__file__).with_name("sentence_boundaries.txt").read_text("utf-8").splitlines(), 1)
    if "\t" in line
    for kind, text in [line.split("\t")]
]


@pytest.mark.parametrize("marked", CASES)
def test_sentences_begin_where_a_reader_begins_them(marked):
    assert split(marked.replace("¦", "")) == [sentence.strip() for sentence in marked.split("¦")]


@pytest.mark.parametrize("kind", ["en", "code", "block", "row", "de", "fr", "zh", "ja"])
def test_each_kind_of_text_has_cases(kind):
    assert sum(case.id.startswith(kind) for case in CASES) >= 7


def test_a_long_row_is_cut_at_its_full_stops():
    row = f"Name: x; Notes: {'It is long. ' * 60}".strip()
    assert len(split(row)) == 60
    assert split(row[:200] + "\nName: y") == [row[:200].strip(), "Name: y"]


def test_rows_without_a_header_stand_for_themselves():
    assert split("Use a or b.\na | b. C | d\n | e | f\nThen go\non.") == [
        "Use a or b.",
        "a | b. C | d",
        "| e | f",
        "Then go\non.",
    ]


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
