"""When the extractive analyzer says `answered`: defaults, sides to compare, second hops."""

from dataclasses import replace

import pytest

from gateway.extractive import analysis
from gateway.extractive.bridges import next_questions
from gateway.extractive.ranker import trained_ranker
from gateway.extractive.rounds import of_round
from state.evidence_block import EvidenceItem
from state.roles import Analysis, Decision, ProposedFinding, QuotedEvidence
from tests.gateway.extractive.test_extractive import COMO, GARDA, analyse, ask


@pytest.mark.parametrize(
    "said",
    [
        "The size of the berth cache defaults to 12 entries.",
        "The default size of the berth cache is 12 entries.",
        "If the size of the berth cache is not set, 12 entries are kept.",
    ],
)
def test_a_question_for_a_default_is_answered_by_the_sentence_that_says_it(said):
    beside = "The berth cache can be disabled by setting the size of the berth cache to zero."
    manual = EvidenceItem(alias="E1", title="Berth cache", text=f"{beside} {said}")
    found = analyse([manual], "What is the default size of the berth cache?").findings
    assert found[0].statement == said


def test_which_of_two_is_the_first_stays_partly_open_and_a_difference_is_told():
    told = Analysis(
        findings=[
            ProposedFinding(statement=text, sub_question=key, quotes=[QuotedEvidence(evidence="E1", quote=text)])
            for key, text in (("q1", "Lake Garda was formed by ice."), ("q2", "Lake Como is old."))
        ],
        decision=Decision.ENOUGH,
    )
    first, differ = (
        "Which was formed first, Lake Garda or Lake Como?",
        "How do Lake Garda and Lake Como differ in depth?",
    )
    assert [gap.sub_question for gap in of_round(told, {"question": first}, [GARDA, COMO]).gaps] == ["q1", "q2"]
    assert not of_round(told, {"question": differ}, [GARDA, COMO]).gaps


def later(evidence, found, *questions):
    asked = [{"id": f"q{n}", "text": text, "round": min(n, 2)} for n, text in enumerate(questions, 1)]
    fields = {"question": questions[0], "sub_questions": asked, "round": 2, "rounds_left": 0, "findings": found}
    return ask(Analysis, evidence, **fields)


def test_what_the_first_round_did_not_speak_of_has_no_second_hop_and_stays_open():
    absent = "Who was the wife of the founder of Lake Tahoe?"
    first = analyse([GARDA, COMO], absent, rounds_left=1)
    assert not first.findings
    assert not any(next_questions(gap.missing) for gap in first.gaps)
    bridged = "Which glacial lake is in Italy?"
    assert not later([GARDA, COMO], [], absent, bridged).findings
    assert later([GARDA, COMO], [{"sub_question": "q1"}], absent, bridged).findings


def test_alternatives_of_a_second_hop_are_not_certain_and_a_single_one_may_be(monkeypatch):
    monkeypatch.setattr(analysis, "trained_ranker", lambda: replace(trained_ranker(), answered=0.0))
    found = [{"sub_question": "q1"}]
    questions = ("Where is the largest lake?", "Which is the largest lake in Italy?", "Which is a lake in Lombardy?")
    assert {gap.sub_question for gap in later([GARDA, COMO], found, *questions).gaps} == {"q2", "q3"}
    assert not later([GARDA, COMO], found, *questions[:2]).gaps


def test_an_answer_without_the_number_or_date_that_is_asked_for_is_not_certain(monkeypatch):
    monkeypatch.setattr(analysis, "trained_ranker", lambda: replace(trained_ranker(), answered=0.0))
    boats = EvidenceItem(alias="E1", title="Boats", text="Boats of the harbour are painted. The harbour has its boats.")
    assert analyse([boats], "How many boats has the harbour?").gaps
    counted = boats.model_copy(update={"text": "The harbour has 40 boats. Boats of the harbour are painted."})
    assert not analyse([counted], "How many boats has the harbour?").gaps
    assert not analyse([boats], "What has the harbour?").gaps


def test_a_sentence_that_goes_on_from_a_name_is_about_it_and_one_of_another_thing_is_not():
    """A follow-up asks for the second sentence on a thing, which seldom names it again."""
    before = "Employees reach the network through the VPN gateway. A VPN certificate is issued by the service desk."
    said = "The certificate is valid for twelve months and expires on the last day of its month."
    manual = EvidenceItem(alias="E1", title="Remote access", text=f"{before} {said} A password expires in May.")
    asked = "And when does it (VPN certificate) expire?"
    assert analyse([manual], asked).findings[0].statement == said
    apart = manual.model_copy(update={"text": f"{before} A password expires after six months. It has twelve signs."})
    assert not any("password" in each.statement for each in analyse([apart], asked).findings[:1])


@pytest.mark.parametrize(
    ("question", "sentence", "certain"),
    [
        ("When does the budget refuse a request?", "The budget refuses a request when its money is spent.", True),
        ("When does the budget refuse a request?", "The budget refuses a request of 1,000,000 characters.", False),
        ("When does the budget expire?", "The budget expires after six months.", True),
        ("When did the budget expire?", "The budget expired when its money was spent.", False),
    ],
)
def test_when_something_always_happens_is_told_by_a_condition_and_when_it_happened_by_a_date(
    question, sentence, certain, monkeypatch
):
    monkeypatch.setattr(analysis, "trained_ranker", lambda: replace(trained_ranker(), answered=0.0))
    manual = EvidenceItem(alias="E1", title="Budgets", text=f"A budget is a limit. {sentence}")
    found = analyse([manual], question)
    assert found.findings[0].statement == sentence
    assert (not found.gaps) is certain


ROWS = """\
date: 2026-01-03; system: VPN gateway; minutes: 45; cause: expired certificate
date: 2026-02-11; system: mail relay; minutes: 20; cause: full disk
date: 2026-03-09; system: VPN gateway; minutes: 12; cause: failed update
date: 2026-04-10; system: archive; minutes: 10; cause:
"""


@pytest.mark.parametrize(
    ("question", "certain"),
    [
        ("What caused the outages of the VPN gateway?", True),
        ("What caused the outages of the VPN gateway in 2025?", False),  # no row of that year
        ("How many outages of the VPN gateway were there?", False),  # no column tells it
        ("What caused the outage of the archive?", False),  # its cause is empty
    ],
)
def test_a_row_that_holds_all_that_is_asked_answers(question, certain):
    found = analyse([EvidenceItem(alias="E1", title="outages", text=ROWS)], question)
    assert (not found.gaps) is certain
    if certain:
        assert {each.statement for each in found.findings} == set(ROWS.splitlines()[0:4:2])
