"""The evaluation asks the real service, keeps what it has asked, and finds gold in the corpus."""

import json
from contextlib import aclosing

import pytest
from typer.testing import CliRunner

from experience.cli.app import app
from experience.evaluation import EvaluationRun, GoldPlace, Question, evaluate
from experience.evaluation.gold import resolved_gold
from experience.evaluation.outcomes import open_outcomes
from experience.service import open_service
from retrieval import open_corpus
from settings import Settings
from state.channels import ResearchContext
from state.errors import BadInput, BatchMismatch


def _places(name):
    return (GoldPlace(document=name),)


QUESTIONS = (
    Question(id="price", question="What does Tariff B cost?", answers=("20 dollars",), gold=_places("tariffs.md")),
    Question(id="again", question="What does Tariff B cost?", answers=("21 dollars",), gold=_places("falcon.md")),
    Question(id="absent", question="Who is the mayor of Springfield?", answerable=False),
)
CONTEXT = ResearchContext(corpus="small")


def lines(folder):
    return [json.loads(line) for line in (folder / "outcomes.jsonl").read_text().splitlines()]


async def test_each_question_is_asked_once_and_never_again(home, tmp_path):
    async with open_service(Settings(home=home)) as service:
        result = await evaluate(service, QUESTIONS, CONTEXT, tmp_path / "out")
        recorded = lines(tmp_path / "out")
        assert [each["question"] for each in recorded[1:]] == [QUESTIONS[0].question, QUESTIONS[2].question]
        again = await evaluate(service, QUESTIONS[::-1], CONTEXT, tmp_path / "out")
        more = await evaluate(service, QUESTIONS[:1], CONTEXT.model_copy(update={"k": 3}), tmp_path / "out")
    assert len(lines(tmp_path / "out")) == 4
    figures = {each.id: each.figures for each in result.scored}
    assert figures == {each.id: each.figures for each in again.scored}
    assert (figures["price"]["answer_in_claims"], figures["again"]["answer_in_claims"]) == (1.0, 0.0)
    assert (figures["price"]["hybrid_recall@10"], figures["price"]["evidence_read"]) == (1.0, 1.0)
    assert (figures["absent"]["absent_abstained"], figures["price"]["quotes_exact"]) == (1.0, 1.0)
    assert (result.asked, result.questions, more.asked) == (3, 3, 1)
    assert {path.name for path in (tmp_path / "out").iterdir()} >= {"evaluation.json", "evaluation.svg"}


async def test_a_killed_evaluation_goes_on_after_what_was_recorded(home, tmp_path):
    async with open_service(Settings(home=home)) as service:
        first = EvaluationRun(service, QUESTIONS, CONTEXT, tmp_path)
        async with aclosing(first.ask()) as outcomes:
            await anext(outcomes)
        with (tmp_path / "outcomes.jsonl").open("ab") as file:
            file.write(b'{"key": "ha')  # the process was killed while it wrote
        second = EvaluationRun(service, QUESTIONS, CONTEXT, tmp_path)
        async with aclosing(second.ask()) as outcomes:
            asked = [outcome.question async for outcome in outcomes]
    assert asked == [QUESTIONS[2].question]
    assert [each.get("attempt") for each in lines(tmp_path)] == [None, 1, 1]


async def test_a_follow_up_is_asked_on_the_thread_of_the_question_before_it(home, tmp_path):
    follow_up = Question(id="more", question="And Tariff A?", after="price")
    alone = Question(id="alone", question="And Tariff A?")
    async with open_service(Settings(home=home)) as service:
        asked = (QUESTIONS[0], alone, follow_up)
        await evaluate(service, asked, CONTEXT, tmp_path, concurrency=3)
        (thread,) = (
            each["report"]["thread_id"] for each in lines(tmp_path)[1:] if each["question"] == QUESTIONS[0].question
        )
        again = await evaluate(service, asked, CONTEXT, tmp_path)
        view = await service.show(CONTEXT.tenant, thread)
        with pytest.raises(BadInput, match="which is not before it"):
            await evaluate(service, (follow_up, QUESTIONS[0]), CONTEXT, tmp_path / "other")
    assert len(lines(tmp_path)) == 4
    assert again.asked == 3
    assert [turn.question for turn in view.history] == [QUESTIONS[0].question, follow_up.question]


async def test_gold_is_found_by_id_source_and_quoted_text(home):
    spans = (GoldPlace(document="tariffs.md", text="Tariff B   costs\n20 dollars"),)
    asked = [Question(id="1", question="q", gold=spans), Question(id="2", question="q", gold=_places("docs/falcon.md"))]
    async with open_corpus(Settings(home=home), "small") as corpus:
        found = await resolved_gold(asked, corpus)
        (span,), (document,) = found["1"], found["2"]
        assert (span.text, span.end - span.start) == ("Tariff B costs 20 dollars", 25)
        assert document.document_id.endswith("falcon.md")
        wrong = [
            Question(id="3", question="q", gold=_places("no.md")),
            Question(id="4", question="q", gold=(GoldPlace(document="falcon.md", text="Tariff"),)),
            Question(id="5", question="q", gold=(GoldPlace(document="falcon.md", start=0, end=9_999),)),
        ]
        with pytest.raises(BadInput) as error:
            await resolved_gold(wrong, corpus)
    for told in ("no document is called 'no.md'", "'4': the quoted text does not stand", "characters, the place ends"):
        assert told in error.value.message


def test_another_file_is_no_file_of_outcomes(tmp_path):
    for content in ('{"job": {}}\n', '{"evaluation": {"format": 999, "run": "x"}}\n'):
        path = tmp_path / "outcomes.jsonl"
        path.write_text(content)
        with pytest.raises(BatchMismatch), open_outcomes(path):
            pass
        assert path.read_text() == content


def test_the_command_prints_a_table_and_differences_and_refuses_bad_lines(home, tmp_path):
    source, out = tmp_path / "q.jsonl", tmp_path / "out"
    row = {"question": "What does Tariff B cost?", "answers": ["20 dollars"], "gold": ["tariffs.md"]}
    source.write_text(f"{json.dumps(row)}\n")
    given = ["evaluate", str(source), "--corpus", "small", "--home", str(home), "--out", str(out)]
    done = CliRunner().invoke(app, given)
    assert done.exit_code == 0, done.output
    assert "answer in the claims\t1.000\t1.000 to 1.000\t1" in done.stdout
    again = CliRunner().invoke(app, [*given, "--against", str(out)])
    assert "answer in the claims\t+0.000\t+0.000 to +0.000\t1" in again.stdout
    source.write_text('{"question": "x", "golds": []}\n')
    refused = CliRunner().invoke(app, given)
    assert refused.exit_code == 2
    assert "line 1: there is no field `golds`" in refused.stderr
