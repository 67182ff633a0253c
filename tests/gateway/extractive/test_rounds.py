"""What one round of analysis keeps."""

from typing import Any

from gateway.extractive.plan import split
from gateway.extractive.rounds import of_round
from state.evidence_block import EvidenceItem
from state.roles import Analysis, Decision, ProposedFinding, QuotedEvidence

MUSEUM = EvidenceItem(
    alias="E1",
    title="Harbour Museum",
    text="It shows ships. It shows tools. It shows maps. It has a garden. The Harbour Museum was founded by Jane Roe.",
    sub_questions=("q1",),
)
BORN = "Where was the founder of the Harbour Museum born?"
SENTENCES = ("It shows ships.", "It shows tools.", "It shows maps.", "It has a garden.")
FOUNDED = "The Harbour Museum was founded by Jane Roe."


def finding(sub_question: str, text: str) -> ProposedFinding:
    quote = QuotedEvidence(evidence="E1", quote=text)
    return ProposedFinding(statement=text, sub_question=sub_question, quotes=[quote])


def kept(analysis: Analysis, **fields: Any) -> list[str]:
    return [each.statement for each in of_round(analysis, fields, [MUSEUM]).findings]


def test_a_later_round_adds_a_few_findings_of_its_own_questions_in_turn_and_none_for_what_has_some() -> None:
    asked = [{"id": "q1", "text": BORN, "round": 1}, *({"id": f"q{n}", "text": "?", "round": 2} for n in (2, 3, 4))]
    numbered = [finding(f"q{n}", f"Sentence {m} of question {n}.") for n in (1, 2, 3, 4) for m in (1, 2, 3)]
    analysis = Analysis(findings=numbered, decision=Decision.ENOUGH)
    found = kept(analysis, sub_questions=asked, round=2, findings=[{"sub_question": "q1"}])
    assert found == [f"Sentence {m} of question {n}." for n in (2, 3, 4) for m in (1, 2)]
    assert "Sentence 1 of question 1." in kept(analysis, sub_questions=asked, round=2, findings=[])


def test_whether_two_things_are_alike_stays_open_unless_a_sentence_says_it_of_both() -> None:
    question = "Are the Blue Ferry and the Red Ferry both run by the same company?"
    apart = ["The Blue Ferry is run by Harbour Lines.", "The Red Ferry is run by Harbour Lines."]
    told = "The Blue Ferry and the Red Ferry are run by the same company."
    asked = [{"id": f"q{n}", "text": text, "round": 1} for n, text in enumerate(split(question), 1)]

    def gaps(*statements: str, question: str = question) -> list[str]:
        found = [finding(f"q{n}", text) for n, text in enumerate(statements, 1)]
        analysis = Analysis(findings=found, decision=Decision.ENOUGH)
        fields = {"question": question, "sub_questions": asked, "round": 1}
        return [gap.sub_question for gap in of_round(analysis, fields, [MUSEUM]).gaps]

    assert len(asked) == 2
    assert gaps(*apart) == ["q1", "q2"]
    assert gaps(told, apart[1]) == []
    assert gaps(*apart, question="Which company runs the Blue Ferry, and which the Red Ferry?") == []


def test_articles_and_full_stops_stay_outside_of_the_sides_of_a_comparison() -> None:
    run = "Are the Blue Ferry and the Red Ferry both run by the same company?"
    asks = "are both run by the same company?"
    assert split(run) == [f"Blue Ferry: {asks}", f"Red Ferry: {asks}"]
    assert split("Compare Thin mode with Thick mode.") == ["What is Thin mode?", "What is Thick mode?"]


def test_a_question_of_a_person_that_begins_like_a_search_for_titles_keeps_its_findings() -> None:
    asked = [{"id": "q1", "text": "Overview: tools?", "round": 1}]
    analysis = Analysis(findings=[finding("q1", "It shows tools.")], gaps=[], decision=Decision.ENOUGH)
    assert kept(analysis, sub_questions=asked, round=1) == ["It shows tools."]
