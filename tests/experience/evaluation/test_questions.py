"""The file of questions is checked completely, and an error names the lines."""

import json

import pytest

from experience.evaluation import GoldPlace, Question, read_questions
from state.errors import BadInput


def written(tmp_path, *rows):
    path = tmp_path / "questions.jsonl"
    path.write_text("".join(row if isinstance(row, str) else f"{json.dumps(row)}\n" for row in rows))
    return path


def test_a_line_needs_a_question_only_and_gets_its_number_as_name(tmp_path):
    path = written(tmp_path, {"question": "When?"}, "\n", {"_id": "b", "question": "Who?", "answers": ["Ann"]})
    assert read_questions(path) == (
        Question(id="1", question="When?"),
        Question(id="b", question="Who?", answers=("Ann",)),
    )


def test_gold_is_a_document_or_a_place_by_text_or_offsets(tmp_path):
    gold = ["a.md", {"document": "b.md", "text": "some words"}, {"document": "c.md", "start": 3, "end": 9}]
    (question,) = read_questions(written(tmp_path, {"question": "When?", "gold": gold}))
    assert question.gold == (
        GoldPlace(document="a.md"),
        GoldPlace(document="b.md", text="some words"),
        GoldPlace(document="c.md", start=3, end=9),
    )


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("no json\n", "line 2: it is not JSON in UTF-8"),
        ("[1]\n", "line 2: it is no JSON object"),
        ({"answers": ["x"]}, "line 2: `question` is missing"),
        ({"question": "  "}, "line 2: `question`: the question is empty"),
        ({"question": "q", "answer": "x"}, "line 2: there is no field `answer`; the fields are `_id`, `question`"),
        ({"question": "q", "id": "x"}, "line 2: the field `id` is called `_id`"),
        ({"question": "q", "answers": "x"}, "line 2: `answers` must be a list"),
        ({"question": "q", "answers": [""]}, "line 2: `answers`: one of them is empty"),
        ({"question": "q", "answerable": "no"}, "line 2: `answerable` must be true or false"),
        ({"question": "q", "answerable": False, "gold": ["a"]}, "is not answerable, but has `answers` or `gold`"),
        ({"question": "q", "gold": [{"document": "a", "start": 5, "end": 2}]}, "`start` must be less than `end`"),
        ({"question": "q", "gold": [{"document": "a", "start": 5}]}, "give both `start` and `end`, or neither"),
        (
            {"question": "q", "gold": [{"document": "a", "quote": "x"}]},
            "no field `gold.0.quote`; the fields are",
        ),
        ({"question": "q", "gold": [7]}, "`gold.0` must be an object"),
        ({"question": "q", "gold": [""]}, "`gold.0.document` must have at least 1 character"),
        ({"_id": "one", "question": "q"}, "line 2: line 1 has the same `_id`"),
        ({"question": "q", "after": "two"}, "line 2: `after`: no line before it has the `_id` 'two'"),
    ],
)
def test_a_bad_line_is_named_with_what_is_wrong(tmp_path, row, told):
    with pytest.raises(BadInput) as error:
        read_questions(written(tmp_path, {"_id": "one", "question": "fine"}, row), limit=1)
    assert told in error.value.message
    assert "nothing was asked" in error.value.hint


def test_every_bad_line_is_counted_and_the_first_ones_are_named(tmp_path):
    with pytest.raises(BadInput, match=r"line 10: .*; and 2 more lines"):
        read_questions(written(tmp_path, *["{}\n"] * 12))


def test_a_file_without_questions_and_a_missing_file_are_errors(tmp_path):
    with pytest.raises(BadInput, match="holds no question"):
        read_questions(written(tmp_path, "\n"))
    with pytest.raises(BadInput, match="cannot be read"):
        read_questions(tmp_path / "none.jsonl")
