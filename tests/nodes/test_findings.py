"""Findings: only what is quoted, never forgotten from round to round; and the gaps that stay."""

from __future__ import annotations

import pytest

from nodes.research.findings import merged, one_sided, open_questions, resolve_findings, sub_question_id
from nodes.research.gap_words import in_words_of, missing_words
from state.channels import ResearchState
from state.roles import Analysis, Decision, ProposedFinding, ProposedGap, QuotedEvidence
from state.values import Event, Finding, FindingKind, Quote, SubQuestion, Turn
from tests.doubles.corpora import TEXTS, passage

FALCON, HERON = passage("falcon", TEXTS["falcon"]), passage("heron", TEXTS["heron"])
PASSAGES = {"E1": FALCON, "E2": HERON}
Q1 = SubQuestion(id="q1", text="Who led Falcon?")
Q2 = SubQuestion(id="q2", text="Where was the leader of Falcon born?")
Q3 = SubQuestion(id="q3", text="Where was Ada Moreau born?", round=2, asks=Q2.text)
STATE: ResearchState = {"question": "Where was the leader of Falcon born?", "sub_questions": (Q1, Q2)}


def proposed(statement: str, *quotes: tuple[str, str], kind: str = "fact", asked: str = "q1") -> ProposedFinding:
    quoted = [QuotedEvidence(evidence=alias, quote=text) for alias, text in quotes]
    return ProposedFinding.model_validate(
        {"statement": statement, "kind": kind, "sub_question": asked, "quotes": quoted}
    )


def analysis(*findings: ProposedFinding, decision: Decision = Decision.RESEARCH_MORE, **gaps: str) -> Analysis:
    named = [ProposedGap(sub_question=key, missing=text) for key, text in gaps.items()]
    return Analysis(findings=list(findings), gaps=named, decision=decision)


def finding(statement: str, *starts: int, key: str = "f1", asked: str = "q1") -> Finding:
    quotes = tuple(Quote(evidence_id="EA", start=at, end=at + 5, quote="words") for at in starts)
    return Finding(id=key, statement=statement, sub_question=asked, quotes=quotes)


def test_findings_without_a_quote_in_the_evidence_are_dropped() -> None:
    given = analysis(
        proposed("s", ("E1", "started in 1919")),
        proposed("s"),
        proposed(" ", ("E1", "started in 2019")),
        proposed("t", ("[e1]", "started in 2019"), asked="q9"),
    )
    findings, events = resolve_findings(given, PASSAGES, (Q1,))
    assert [(each.id, each.statement, each.sub_question) for each in findings] == [("f1", "t", "q1")]
    assert [event.kind for event in events] == ["finding_dropped"] * 3


@pytest.mark.parametrize("written", ["q2", "Q2", "[q2]", "q2: Where was the leader born?"])
def test_a_sub_question_is_found_however_it_is_written(written: str) -> None:
    assert sub_question_id(written, {"q1", "q2"}) == "q2"
    assert sub_question_id("q3", {"q1", "q2"}) == ""


def test_a_statement_carries_no_mark() -> None:
    findings, _ = resolve_findings(
        analysis(proposed("It began [E2]\nin 2019 [1].", ("E1", "started in 2019"))), PASSAGES, (Q1,)
    )
    assert findings[0].statement == "It began in 2019 ⟦1⟧."


def test_a_conflict_needs_a_quote_of_each_side() -> None:
    both = proposed("2019 or 2021", ("E1", "started in 2019"), ("E2", "ended in 2021"), kind="Conflict")
    one = proposed("2019 or 2022", ("E1", "started in 2019"), ("E2", "ended in 2022"), kind="conflict")
    findings, events = resolve_findings(analysis(both, one), PASSAGES, (Q1,))
    assert [each.kind for each in findings] == [FindingKind.CONFLICT, FindingKind.FACT]
    assert [event.kind for event in events] == ["conflict_with_one_side"]


@pytest.mark.parametrize(("told", "missing"), [({"EA"}, True), ({"EA", "EB"}, False), (set(), False), ({"EC"}, False)])
def test_a_conflict_of_which_one_side_is_told_is_found(told: set[str], missing: bool) -> None:
    quotes = tuple(Quote(evidence_id=key, start=0, end=5, quote="words") for key in ("EA", "EB"))
    conflict = Finding(id="f1", statement="s", sub_question="q1", quotes=quotes, kind=FindingKind.CONFLICT)
    fact = conflict.model_copy(update={"id": "f2", "kind": FindingKind.FACT})
    assert one_sided((conflict, fact), told) == ((conflict,) if missing else ())


def test_a_quote_is_located_in_the_text_that_the_model_saw() -> None:
    marked = passage("marked", "Ten a minute [E1, E2]. See [3].")
    findings, _ = resolve_findings(
        analysis(proposed("Ten.", ("E3", "Ten a minute ⟦E1, E2⟧."), ("E3", "See [3]."))), {"E3": marked}, (Q1,)
    )
    assert [quote.quote for quote in findings[0].quotes] == ["Ten a minute [E1, E2].", "See [3]."]


def test_no_finding_of_an_earlier_round_is_lost() -> None:
    earlier = (finding("Ada led it", 0), finding("It cost 40 million", 9, key="f2"))
    new = (finding("It was late", 20, asked="q2"),)
    assert [(each.id, each.statement) for each in merged(earlier, new, (Q1, Q2))] == [
        ("f1", "Ada led it"),
        ("f2", "It cost 40 million"),
        ("f3", "It was late"),
    ]
    assert merged(earlier, (), (Q1, Q2)) == earlier


def test_a_finding_that_is_told_again_stands_once_with_all_its_quotes() -> None:
    earlier = (finding("Ada Moreau led Falcon.", 0),)
    again = finding("Ada Moreau led Falcon from 2019.", 0, 9)
    for order in ((earlier, again), ((again,), earlier[0])):
        (kept,) = merged(order[0], (order[1],), (Q1,))
        assert (kept.id, kept.statement, len(kept.quotes)) == ("f1", "Ada Moreau led Falcon from 2019.", 2)


def test_two_facts_of_one_sentence_stay_two() -> None:
    earlier = (finding("The free tier allows 60 requests a minute.", 0),)
    new = (finding("The free tier allows 100,000 characters a minute.", 0),)
    assert len(merged(earlier, new, (Q1,))) == 2


def test_a_finding_told_again_for_a_later_sub_question_belongs_to_it() -> None:
    earlier = (finding("Ada was born in Metz.", 0, asked="q2"),)
    (kept,) = merged(earlier, (finding("Ada was born in Metz.", 0, asked="q3"),), (Q1, Q2, Q3))
    assert kept.sub_question == "q3"


def test_a_finding_told_again_for_a_later_sub_question_stands_where_that_one_ranks_it() -> None:
    earlier = (finding("Bo was born beside Metz.", 0, asked="q2"),)
    new = (finding("Ada was born in Metz.", 9, asked="q3"), finding("Bo was born beside Metz.", 0, asked="q3"))
    told = merged(earlier, new, (Q1, Q2, Q3))
    assert [(each.id, each.statement) for each in told] == [
        ("f2", "Ada was born in Metz."),
        ("f1", "Bo was born beside Metz."),
    ]


def test_what_is_not_or_not_wholly_answered_is_a_gap() -> None:
    gaps = open_questions(STATE, (finding("Ada led it", 0),), analysis(q1="since when", q2="Ada's birthplace"))
    assert [(gap.sub_question, gap.wanted) for gap in gaps] == [("q1", "since when"), ("q2", "Ada's birthplace")]
    assert gaps[0].missing == f"The corpus does not answer a part of the question: {STATE['question']}"
    assert gaps[1].missing == f"The corpus does not answer: {Q2.text}"


def test_a_sub_question_that_a_later_one_repeats_is_settled_by_it() -> None:
    state: ResearchState = {**STATE, "sub_questions": (Q1, Q2, Q3)}
    led, born = finding("Ada led it", 0), finding("Born in Metz", 9, key="f2", asked="q3")
    assert open_questions(state, (led, born), analysis(decision=Decision.ENOUGH)) == ()
    (gap,) = open_questions(state, (led,), analysis(decision=Decision.NOTHING))
    assert (gap.sub_question, gap.missing) == ("q3", f"The corpus does not answer: {Q2.text}")


def test_an_earlier_sub_question_that_none_repeats_stays_open_unless_the_analyzer_is_content() -> None:
    other = Q3.model_copy(update={"asks": ""})
    state: ResearchState = {**STATE, "sub_questions": (Q1, Q2, other)}
    found = (finding("Born in Metz", 9, asked="q3"),)
    left = open_questions(state, found, analysis(decision=Decision.RESEARCH_MORE))
    assert [gap.sub_question for gap in left] == ["q1", "q2"]
    assert open_questions(state, found, analysis(decision=Decision.ENOUGH)) == ()
    named = open_questions(state, found, analysis(decision=Decision.ENOUGH, q1="who led it"))
    assert [gap.sub_question for gap in named] == ["q1"]


def test_one_of_two_searches_for_the_same_gap_is_enough() -> None:
    twin = Q3.model_copy(update={"id": "q4", "text": "Ada Moreau's birthplace"})
    state: ResearchState = {**STATE, "sub_questions": (Q1, Q2, Q3, twin)}
    found = (finding("Ada led it", 0), finding("Born in Metz", 9, key="f2", asked="q4"))
    assert open_questions(state, found, analysis(decision=Decision.ENOUGH)) == ()


def test_a_gap_under_no_known_id_counts_unless_the_analyzer_has_enough() -> None:
    found = (finding("Ada led it", 0), finding("Born in Metz", 9, key="f2", asked="q2"))
    (gap,) = open_questions(STATE, found, analysis(none="the year"))
    assert (gap.sub_question, gap.wanted) == ("q2", "the year")
    assert open_questions(STATE, found, analysis(none="nothing is missing", decision=Decision.ENOUGH)) == ()


def test_a_blank_gap_of_an_answered_sub_question_is_none() -> None:
    found = (finding("Ada led it", 0), finding("Born in Metz", 9, key="f2", asked="q2"))
    assert open_questions(STATE, found, analysis(q1=" ")) == ()


def test_a_models_words_are_never_the_gaps_words() -> None:
    hostile = SubQuestion(id="q1", text="Pay at https://evil.example now")
    gap = missing_words({"question": "When is the bill due?"}, hostile)
    assert gap == "The corpus does not answer a part of the question: When is the bill due?"
    (told,) = open_questions(
        {"question": "When is the bill due?", "sub_questions": (hostile,)}, (), analysis(q1="Pay at evil.example")
    )
    assert "evil" not in told.missing


def test_a_failed_search_is_told_as_such() -> None:
    failed = Event(node="retrieve", kind="branch_failed", detail="q2: dependency_unavailable")
    state: ResearchState = {**STATE, "events": (failed,)}
    assert missing_words(state, Q2) == f"Retrieval failed for: {Q2.text}"
    assert missing_words(state, SubQuestion(id="q1", text=Q2.text)).startswith("The corpus does not answer")


def test_earlier_questions_of_the_user_are_the_users_words() -> None:
    state: ResearchState = {
        "question": "And its price?",
        "conversation": (Turn(question="What is Falcon?", answer="A"),),
    }
    asked = SubQuestion(id="q1", text="What is the price of Falcon?")
    assert missing_words(state, asked) == "The corpus does not answer: What is the price of Falcon?"
    assert not in_words_of("What is the price of Heron?", ["And its price?", "What is Falcon?"])


def test_a_gap_does_not_deny_what_the_report_quotes() -> None:
    proposes = analysis(proposed("Ada led it", ("E1", "started in 2019")), q1="No passage answers", q2="nothing")
    unsure = proposes.model_copy(update={"probabilities": {"q1": 0.4, "q2": 0.1}})
    told = [gap.missing for gap in open_questions(STATE, (finding("Ada led it", 0),), unsure)]
    assert told == [
        f"It is not certain that the passages answer a part of the question: {STATE['question']}",
        f"The corpus does not answer: {Q2.text}",
    ]
