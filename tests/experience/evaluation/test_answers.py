"""What counts as an answer in a text."""

import pytest

from experience.evaluation.answers import LONG, contains, normalised, opening, token_recall


@pytest.mark.parametrize(
    ("text", "answer", "found"),
    [
        ("He was born in Paris, France.", "paris", True),
        ("The Eiffel Tower", "an Eiffel tower!", True),
        ("She paid 12 dollars.", "2 dollars", False),
        ("Parisians like it", "Paris", False),
        ("from 1901–02 on", "1901-02", True),
        ("St. Mary's School", "St Marys school", True),
        ("", "Paris", False),
        ("Yes, both are French.", "yes", True),
        ("There is no such place.", "No", False),
        ("No.", "no", True),
        ("anything", "the", False),
    ],
)
def test_a_short_answer_is_a_run_of_whole_words(text, answer, found):
    assert contains(text, [answer]) is found


def test_one_of_several_answers_is_enough():
    assert contains("G. Stanley Hall founded it", ["Hall, Granville", "Stanley Hall"])


def test_of_a_long_answer_six_tenths_of_the_words_are_enough():
    words = [f"word{number}" for number in range(LONG + 10)]
    answer = " ".join(words)
    assert contains(" ".join(reversed(words[:12])), [answer])
    assert not contains(" ".join(words[:11]), [answer])


def test_recall_is_that_of_the_best_answer():
    assert token_recall("alpha beta", ["alpha gamma", "alpha beta gamma"]) == pytest.approx(2 / 3)
    assert token_recall("alpha", []) == 0.0


def test_the_opening_is_the_first_sentences():
    assert opening("One is here. Two is here. Three is here.") == "One is here. Two is here."
    assert normalised("  A  cat—and THE dog ") == "cat and dog"
