"""docs/evaluation.md: its questions are in the file, its documents exist, its table names the fields of a line."""

from __future__ import annotations

import re
from pathlib import Path

from typer.testing import CliRunner

from experience.cli.app import app
from experience.evaluation import Question, read_questions

ROOT = Path(__file__).resolve().parents[2]
DOC = (ROOT / "docs" / "evaluation.md").read_text(encoding="utf-8")
QUESTIONS = ROOT / "notebooks" / "data" / "handbook-questions.jsonl"


def test_the_lines_of_the_example_are_in_the_file() -> None:
    lines = re.findall(r"^\{.*\}$", DOC, re.MULTILINE)
    assert len(lines) == 3
    assert set(lines) <= set(QUESTIONS.read_text(encoding="utf-8").splitlines())


def test_the_questions_can_be_read_and_name_documents_of_the_sample() -> None:
    questions = read_questions(QUESTIONS)
    assert len(questions) == 16
    assert "has sixteen, in" in DOC
    gold = [place for each in questions for place in each.gold]
    assert all((ROOT / "docs" / "sample" / place.document).is_file() for place in gold)
    for place in gold:
        assert place.text in (ROOT / "docs" / "sample" / place.document).read_text("utf-8") if place.text else True


def test_the_table_names_every_field() -> None:
    rows = DOC.partition("| field | meaning |")[2].partition("\n\n")[0]
    fields = set(re.findall(r"^\| `(\w+)`", rows, re.MULTILINE))
    assert {name.removeprefix("_") for name in fields} == set(Question.model_fields)


def test_the_options_that_the_page_names_exist() -> None:
    told = CliRunner().invoke(app, ["evaluate", "--help"], env={"COLUMNS": "200", "TERM": "dumb"}).stdout
    assert {"--out", "--against", "--corpus"} <= set(re.findall(r"--[a-z]+", told))
    assert {"`--out`", "`--against`"} <= set(re.findall(r"`--[a-z]+`", DOC))
