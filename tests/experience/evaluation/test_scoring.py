"""The figures of one question."""

import sys

import pytest

from experience.evaluation import Gold, Outcome, Question
from experience.evaluation.outcomes import Spot
from experience.evaluation.ranking import check_installed, retrieval_measures
from experience.evaluation.scoring import figures_of
from state.errors import SettingsInvalid
from state.report import Report, ReportCitation, ReportClaim, ReportEvidence
from state.values import ClaimKind, Scores, Status, Support, Verification

GOLD = (Gold(document_id="a"), Gold(document_id="b", start=10, end=20, text="gold words"))


def claim(number, text, *, evidence="E1", start=0, kind=ClaimKind.SENTENCE):
    cited = ReportCitation(evidence_id=evidence, start=start, end=start + 5, quote="quote")
    given = {"verdict": Support.SUPPORTED, "score": 1.0, "section": "", "citations": (cited,)}
    return ReportClaim(id=f"c{number}", text=text, kind=kind, start=number * 100, end=number * 100 + 9, **given)


def evidence(name, document):
    return ReportEvidence(
        id=name, number=1, document_id=document, title="", source="", page=None, page_end=None,
        start=0, end=99, text="", scores=Scores(),
    )  # fmt: skip


def report(status=Status.ANSWERED, claims=()):
    return Report(
        thread_id="t", run_id="r", trace_id="", question="q", status=status, stop_reason="", markdown="",
        claims=claims, evidence=(evidence("E1", "a"), evidence("E2", "b"), evidence("E3", "z")),
        verification=Verification(claims=4, supported=3, unsupported=1),
    )  # fmt: skip


def outcome(given, **fields):
    return Outcome(key="k", question="q", report=given, exact="verified", **fields)


def figures(given, *, gold=GOLD, answers=("Paris",), answerable=True, **fields):
    question = Question(id="1", question="q", answers=answers if answerable else (), answerable=answerable)
    return figures_of(question, gold, outcome(given, **fields))


def test_an_answer_counts_in_claims_and_in_the_first_two_sentences():
    late = [
        claim(1, "One thing."),
        claim(2, "Two things."),
        claim(3, "It is Paris."),
        claim(0, "Paris", kind="heading"),
    ]
    found = figures(report(claims=tuple(late)))
    assert (found["answer_in_claims"], found["answer_in_opening"], found["answered_wrong"]) == (1.0, 0.0, 0.0)
    assert found["words"] == 7


def test_a_heading_is_no_claim():
    found = figures(report(claims=(claim(0, "Paris", kind="heading"), claim(1, "Another city."))))
    assert (found["answer_in_claims"], found["answered_wrong"]) == (0.0, 1.0)


def test_claims_are_on_gold_where_a_citation_touches_the_span():
    claims = (
        claim(1, "x", evidence="E1"),
        claim(2, "x", evidence="E2", start=12),
        claim(3, "x", evidence="E2", start=50),
        claim(4, "the gold words.", evidence="E3"),
    )
    found = figures(report(claims=claims))
    assert (found["claims_on_gold"], found["gold_in_claims"]) == (0.5, 1.0)


def test_without_answers_a_report_is_wrong_if_it_cites_no_gold_and_unknown_without_gold():
    claims = (claim(1, "x", evidence="E3"),)
    assert figures(report(claims=claims), answers=())["answered_wrong"] == 1.0
    assert "answered_wrong" not in figures(report(claims=claims), answers=(), gold=())


def test_a_question_without_an_answer_is_wrong_if_answered_and_no_other_status_is_wrong():
    absent = figures(report(), gold=(), answerable=False)
    assert (absent["answered_wrong"], absent["absent_answered"], absent["absent_abstained"]) == (1.0, 1.0, 0.0)
    for status in (Status.PARTIAL, Status.ABSTAINED):
        other = figures(report(status), gold=(), answerable=False)
        assert "answered_wrong" not in other
        assert other[f"absent_{status.value}"] == 1.0


def test_evidence_is_the_share_of_gold_that_was_read_by_round():
    spot = {name: Spot(document_id=name, start=0, end=15) for name in "abcdefghijklmno"}
    later = (*(spot[name] for name in "cdefghijklm"), spot["a"], spot["b"])
    found = figures(report(), read=((spot["a"],), later), quoted=(spot["b"],))
    assert (found["evidence_round_1"], found["evidence_round_2"], found["evidence_read"]) == (0.5, 1.0, 1.0)
    assert (found["evidence_read@10"], found["evidence_quoted"]) == (0.0, 0.5)


def test_grounding_is_told_by_verdict():
    found = figures(report(claims=(claim(1, "Paris."),)))
    assert (found["claims_supported"], found["claims_unsupported"], found["quotes_exact"]) == (0.75, 0.25, 1.0)


def test_a_run_that_failed_has_no_figures_of_an_answer():
    found = figures_of(Question(id="1", question="q", answers=("x",)), GOLD, Outcome(key="k", question="q"))
    assert found == {
        "answerable_answered": 0.0,
        "answerable_partial": 0.0,
        "answerable_abstained": 0.0,
        "answerable_failed": 1.0,
    }


def test_a_missing_package_is_named_with_the_extra_that_holds_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "pytrec_eval", None)
    with pytest.raises(SettingsInvalid, match="'pytrec_eval'") as error:
        check_installed()
    assert "sixplane[evaluate]" in error.value.hint


def test_retrieval_is_measured_by_document():
    ranking = {"1": [Spot(document_id=name, start=0, end=1) for name in "xab"]}
    found = retrieval_measures(ranking, {"1": (Gold(document_id="a"), *GOLD)})
    assert found["1"]["recall@10"] == 1.0
    assert round(found["1"]["ndcg@10"], 4) == 0.6934
