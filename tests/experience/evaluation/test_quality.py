"""The benchmark of quality: samples, stored vectors, baselines, comparisons and the page."""

from __future__ import annotations

from pathlib import Path

import pytest
from langchain_core.embeddings import DeterministicFakeEmbedding

from benchmarks.quality.baselines import AS_LONG, BASELINES, NEAREST, ONE_CALL, PASSAGE, Baselines
from benchmarks.quality.figures import QualityResult, compared, set_result
from benchmarks.quality.page import figures, reliability, tables
from benchmarks.quality.sets import sampled
from benchmarks.quality.variants import ABLATIONS, WHOLE
from benchmarks.quality.vectors import StoredEmbeddings
from experience.evaluation import Evaluation, GoldPlace, Question, Scored
from experience.evaluation.gold import resolved_gold
from experience.evaluation.result import groups_of, reliability_of
from experience.service import open_service
from retrieval import load_embeddings
from settings import Settings
from state.channels import ResearchContext

ROOT = Path(__file__).resolve().parents[3]


def scored(name, value, group="dev"):
    return Scored(id=name, group=group, figures={"answer_in_claims": value, "answerable_answered": 1.0})


def evaluation(*each):
    return Evaluation(
        corpus="c", corpus_version=1, models={}, asked=len(each), questions=len(each),
        groups=groups_of(each), scored=each,
    )  # fmt: skip


def test_a_sample_has_as_many_of_each_group_and_is_always_the_same():
    questions = [Question(id=str(n), question="q", group="odd" if n % 2 else "even") for n in range(40)]
    chosen = sampled(questions, 5)
    assert [sum(each.group == group for each in chosen) for group in ("odd", "even")] == [5, 5]
    assert chosen == sampled(questions, 5)
    assert {each.id for each in chosen} <= {each.id for each in sampled(questions, 8)}


class Counted(DeterministicFakeEmbedding):
    """Counts the texts that it embeds."""

    model_id: str = "counted"
    seen: list[str] = []  # noqa: RUF012 - pydantic copies the default

    def embed_documents(self, texts):
        self.seen.extend(texts)
        return super().embed_documents(texts)


async def test_a_text_is_embedded_once_unless_stored_vectors_are_not_to_be_read(tmp_path):
    inner = Counted(size=4)
    stored = StoredEmbeddings(inner, tmp_path / "vectors.db")
    first = await stored.aembed_documents(["a", "b"])
    assert first[1] == pytest.approx(DeterministicFakeEmbedding(size=4).embed_documents(["b"])[0])
    assert stored.embed_documents(["b", "c", "a"])[::2] == [pytest.approx(first[1]), pytest.approx(first[0])]
    assert inner.seen == ["a", "b", "c"]
    fresh = StoredEmbeddings(inner, tmp_path / "vectors.db", reads=False)
    fresh.embed_documents(["a"])
    assert (inner.seen[3:], fresh.model_id) == (["a"], "counted")
    assert stored.embed_query("a") == pytest.approx(inner.embed_query("a"))


async def test_the_baselines_answer_from_one_search(home):
    question = Question(
        id="1", question="What does Tariff B cost?", answers=("20 dollars",), gold=(GoldPlace(document="tariffs.md"),)
    )
    absent = Question(id="2", question="Who is the mayor of Springfield?", answerable=False)
    context = ResearchContext(corpus="small")
    settings = Settings(home=home)
    async with open_service(settings) as service:
        corpus = await service.corpora.get("local", "small")
        gold = await resolved_gold([question], corpus)
        baselines = Baselines(service, corpus, load_embeddings(settings), context)
        found = await baselines.figures(question, gold["1"], 12)
        wrong = await baselines.figures(absent, (), 0)
    assert tuple(found) == BASELINES
    assert [found[name]["answer_in_claims"] for name in (NEAREST, PASSAGE, ONE_CALL)] == [1.0, 1.0, 1.0]
    assert [found[name]["answered_wrong"] for name in (NEAREST, PASSAGE)] == [0.0, 0.0]
    assert 12 <= found[AS_LONG]["words"] < 24
    assert (wrong[AS_LONG]["absent_abstained"], "words" in wrong[AS_LONG]) == (1.0, False)
    assert (wrong[NEAREST]["answered_wrong"], wrong[ONE_CALL]["absent_abstained"]) == (1.0, 1.0)


def test_a_comparison_is_paired_and_by_group():
    ours = [scored("1", 1.0), scored("2", 1.0), scored("3", 0.0, "test"), scored("4", 1.0, "test")]
    theirs = [scored("1", 0.0), scored("2", 1.0), scored("3", 1.0, "test")]
    found = compared("other", "", ours, theirs, ("answer_in_claims",))
    differences = {name: each["answer_in_claims"].value for name, each in found.differences.items()}
    assert differences == {"all": 0.0, "dev": 0.5, "test": -1.0}
    assert found.questions == 3
    ablation = compared("other", "x = 1", ours, theirs, ("answer_in_claims",))
    assert (set(ablation.differences), ablation.switch) == ({"all"}, "x = 1")


def test_the_tables_show_graph_baselines_and_ablations():
    whole = evaluation(*(scored(str(n), 1.0) for n in range(40)))
    other = [scored(str(n), n % 2) for n in range(40)]
    ablation = (ABLATIONS[-1], evaluation(*other[:3]))
    result = set_result("twowiki", whole, {"three nearest": other}, [ablation], sampled=True)
    text = tables(QualityResult(date="2020-01-01", machine="m", sets=(result,)))
    assert "### 2WikiMultiHop" in text
    assert "| three nearest | 0.500; **+0.500** [" in text
    assert "| no reviewer (`run.review = false`) | +0.667 [" in text


def test_every_ablation_is_an_option_or_a_setting():
    assert WHOLE.switch == ""
    for each in ABLATIONS:
        assert ResearchContext(**each.context)
        assert Settings(**each.settings) != Settings() or each.context
        assert each.switch


def test_the_page_shows_the_figures_of_the_result():
    page = (ROOT / "docs" / "evaluation.md").read_text(encoding="utf-8")
    assert page.partition("<!-- figures -->\n")[2].partition("<!-- /figures -->")[0] == figures()
    assert page.partition("<!-- reliability -->\n")[2].partition("<!-- /reliability -->")[0] == reliability()


def test_the_page_explains_probabilities_where_reports_give_some(tmp_path, monkeypatch):
    each = Scored(id="1", figures={"answer_in_claims": 1.0, "probability": 0.72, "published_right": 1.0})
    told = evaluation(each).model_copy(update={"reliability": reliability_of([each])})
    texts = []
    for one in (told, evaluation(each)):
        path = tmp_path / "evaluation.json"
        result = QualityResult(
            date="2020-01-01", machine="m", sets=(set_result("twowiki", one, {}, [], sampled=False),)
        )
        path.write_text(result.model_dump_json(exclude_defaults=True))
        monkeypatch.setattr("benchmarks.quality.page.RESULT", path)
        texts.append(reliability())
    assert "| 2WikiMultiHop | 0.7 to 0.8 | 0.72 | 1.000 [1.000, 1.000] | 1 |" in texts[0]
    assert "reference/reliability.svg" in texts[0]
    assert texts[1] == "The reports of the run above give no probabilities.\n"
