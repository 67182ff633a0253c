"""Questions as they are typed: with slips, or as a complaint that asks for any help."""

import pytest

from gateway.extractive.breadth import asks_for_help
from gateway.extractive.reading import candidates
from gateway.extractive.terms.spelling import corrected
from state.evidence_block import EvidenceItem
from tests.gateway.extractive.test_extractive import analyse

KNOWN = {"harbour": 3, "crane": 1, "ferry": 2, "masking": 1, "agents": 4, "commit": 2}


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("wich harbuor has a crane?", "which harbour has a crane?"),
        ("Waht is the ferrry?", "What is the ferry?"),
        ("wher do agents comit", "where do agents commit"),
        ("which harbuor has a crane?", "which harbuor has a crane?"),  # one slip may be another word
        ("which agent commits?", "which agent commits?"),
        ("In what form do they come, and were they late?", "In what form do they come, and were they late?"),
    ],
)
def test_several_slips_are_mended_by_the_words_of_the_documents(typed, meant):
    assert corrected(typed, KNOWN) == meant


def test_a_question_with_slips_is_compared_as_it_was_meant_and_shown_as_it_was_typed():
    harbour = EvidenceItem(alias="E1", title="Harbour", text="The harbour has a crane that lifts forty tons.")
    reading = candidates({"question": "wich harbuor has a crane?"}, [harbour], 60)
    assert reading.texts[0] == "which harbour has a crane?"
    assert reading.asked[0].text == "wich harbuor has a crane?"


@pytest.mark.parametrize(
    "question",
    [
        "My boats are slow, what can I do?",
        "The upload hangs",
        "Our printer never answers. Any ideas?",
        "Mein Boot ist undicht, was kann ich tun?",
    ],
)
def test_a_complaint_asks_for_help(question):
    assert asks_for_help(question)


@pytest.mark.parametrize("question", ["How fast are the boats?", "The film that never ends was directed by whom?"])
def test_a_question_does_not(question):
    assert not asks_for_help(question)


BOATS = EvidenceItem(
    alias="E1",
    title="Speed",
    text="Clean the hull of old boats twice a year. Boats with a fouled hull lose a third of their speed.",
)


def test_a_complaint_about_what_the_documents_speak_of_gets_what_is_closest():
    found = analyse([BOATS], "My boats are slow, what can I do?")
    assert found.findings
    assert [gap.sub_question for gap in found.gaps] == ["q1"]
    assert analyse([BOATS], "My goldfish are ill, what can I do?").findings == []
