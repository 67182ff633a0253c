"""The table of hand-judged questions in docs/evaluation.md has a row for each question, and its counts are right."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from experience.evaluation import read_questions

ROOT = Path(__file__).resolve().parents[2]
QUESTIONS = read_questions(ROOT / "docs" / "reference" / "oracle-questions.jsonl")
PAGE = (ROOT / "docs" / "evaluation.md").read_text(encoding="utf-8")
SECTION = PAGE.partition("<!-- judged -->")[2].partition("<!-- /judged -->")[0]
ROWS = [
    [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
    for line in SECTION.splitlines()
    if line.startswith("| ") and not line.startswith("| question")
]


def test_each_question_has_a_row_of_its_kind_with_what_an_answer_must_contain() -> None:
    assert [(row[0], row[1]) for row in ROWS] == [(each.question, each.group) for each in QUESTIONS]
    assert all(len(row) == 7 and all(row) for row in ROWS)


def test_the_counts_are_those_of_the_rows() -> None:
    verdicts = Counter(row[5] for row in ROWS)
    assert set(verdicts) <= {"acceptable", "half", "wrong", "abstained"}
    told = {verdict: int(count) for count, verdict in re.findall(r"(\d+) (acceptable|half|wrong|abstained)\b", SECTION)}
    assert {name: count for name, count in told.items() if count} == verdicts
    assert f"Of the {sum(row[4] == 'answered' for row in ROWS)} reports `answered`" in SECTION
    marked = sum("†" in row[5] or "†" in row[6] for row in ROWS)
    assert ("none tell" in SECTION) if marked == 0 else (f"{marked} (marked †" in SECTION)


def test_every_kind_is_there_often_enough() -> None:
    kinds = Counter(each.group for each in QUESTIONS)
    least = {"how-to": 5, "default": 4, "error code": 3, "list": 4, "code sample": 3, "comparison": 3, "two-hop": 3}
    least |= {"follow-up": 2, "vague": 1, "typo": 1, "absent": 1}
    assert set(kinds) == set(least)
    assert all(kinds[kind] >= count for kind, count in least.items())
