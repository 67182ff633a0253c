"""The second hop: what is described in a question, which names resolve it, and what is asked next."""

import pytest

from gateway.extractive.bridges import Bridge, bridges, next_questions, open_hops, wanted
from gateway.extractive.descriptions import following, has_hop
from gateway.extractive.named_terms import names
from state.evidence_block import EvidenceItem

MUSEUM = EvidenceItem(
    alias="E1",
    title="Harbour Museum",
    text="Harbour Museum\n\nThe Harbour Museum is a museum in Oldport. It was founded by Jane Roe, and Tom Poe ran "
    "it from May 1950. However, Oldport sold it.",
    sub_questions=("q1",),
)
WHARF = EvidenceItem(alias="E2", title="Wharf", text="The Wharf Inn stands beside it.", sub_questions=("q1", "q2"))
BORN = "Where was the founder of the Harbour Museum born?"


@pytest.mark.parametrize(
    "question",
    [
        BORN,
        "When was the company that published Blue Atlas founded?",
        "What nationality is Jane Roe's father?",
        "Who is the paternal grandfather of Jane Roe?",
        "Who is the mother-in-law of Jane Roe?",
        "Blue Atlas: which book has the author who died first?",
        "De quel pays vient le fondateur du Harbour Museum ?",
    ],
)
def test_a_question_about_something_described_has_a_hop(question: str) -> None:
    assert has_hop(question, names(question))


@pytest.mark.parametrize(
    "question",
    [
        "Where was Jane Roe born?",
        "Who founded the Harbour Museum?",
        "Which book came out first, Blue Atlas or Red Atlas?",
        "how do submarines talk under water?",
        "Wie viele Urlaubstage bekomme ich?",
        "How do I set the default of the Harbour Museum?",
        "What is the price of Tariff A per month?",
        "What is the maximum size of a TEXTFIELD column in Harbour Database?",
        "How large is the entry cache of a Harbour Pool by default?",
    ],
)
def test_a_question_about_what_it_names_has_none(question: str) -> None:
    assert not has_hop(question, names(question))


@pytest.mark.parametrize(
    ("question", "sentence", "asked"),
    [
        (BORN, "It was founded by Jane Roe.", "Where was Jane Roe born?"),
        (
            "When was the company that published Blue Atlas founded?",
            "Blue Atlas is published by Jane Roe.",
            "When was Jane Roe founded?",
        ),
        ("Where was Ann Roe's father born?", "She was a daughter of Jane Roe.", "Where was Jane Roe born?"),
        ("Where was the director of film Blue Fog born?", "A film directed by Jane Roe.", "Where was Jane Roe born?"),
        (
            "Where was the owner of film Blue Fog born?",
            "A film of 1990.",
            "Jane Roe: where was the owner of film born?",
        ),
        ("Who is the maternal grandmother of Ann Roe?", "A daughter of Jane Roe.", "Jane Roe: who is the mother?"),
        ("Who is Ann Roe's father-in-law?", "Ann Roe married Jane Roe.", "Jane Roe: who is father?"),
        ("Who founded Blue Fog?", "Blue Fog was founded by Jane Roe.", ""),
    ],
)
def test_the_next_question_names_what_was_described(question: str, sentence: str, asked: str) -> None:
    assert following(question, names(question)[0], "Jane Roe", sentence) == asked


def test_names_that_are_related_as_the_question_says_come_first() -> None:
    found = bridges(BORN, [WHARF, MUSEUM], 4)
    assert [each.name for each in found] == ["Jane Roe", "Tom Poe", "Oldport"]
    assert (found[0].alias, found[0].asks) == ("E1", "Where was Jane Roe born?")
    assert found[0].sentence in MUSEUM.text
    assert len(bridges(BORN, [WHARF, MUSEUM], 1)) == 1


def test_there_is_no_bridge_where_the_passages_say_all_words_of_the_question() -> None:
    said = MUSEUM.model_copy(update={"text": "The Harbour Museum: its founder Jane Roe was born in Oldport."})
    assert bridges(BORN, [said], 4) == ()
    assert bridges("Who founded the Harbour Museum?", [MUSEUM], 4) == ()
    assert bridges(BORN, [], 4) == ()


def test_a_question_with_a_name_that_no_passage_has_is_not_asked_further() -> None:
    assert bridges("Where was the founder of the Harbour Museum of Westport born?", [MUSEUM], 4) == ()
    assert bridges("Was the founder of the Harbour Museum older than Ann Roe?", [MUSEUM], 4) == ()


def test_a_gap_carries_the_next_questions_to_the_planner() -> None:
    asked = [Bridge(name, "E1", ".", f"Where was {name} born?", 1.0) for name in ("Jane Roe", "Tom Poe")]
    assert next_questions(wanted(asked)) == ["Where was Jane Roe born?", "Where was Tom Poe born?"]
    assert next_questions("Where Jane Roe was born?") == []


def test_only_sub_questions_of_this_round_have_open_hops_and_only_while_a_round_is_left() -> None:
    asked = [{"id": "q1", "text": BORN, "round": 1}, {"id": "q2", "text": BORN, "round": 2}]
    fields = {"sub_questions": asked, "round": 1, "rounds_left": 1}
    assert list(open_hops(fields, [MUSEUM])) == ["q1"]
    assert open_hops({**fields, "rounds_left": 0}, [MUSEUM]) == {}
    assert "Where was Jane Roe born?" in open_hops(fields, [MUSEUM])["q1"]


def test_a_measure_is_no_word_that_a_passage_leaves_open() -> None:
    refunds = EvidenceItem(
        alias="E1", title="Desk", text="Jane Roe leads the refund desk of Kestrel. Refunds of Kestrel take nine days."
    )
    assert bridges("How long do refunds of Kestrel take?", [refunds], 4) == ()


@pytest.mark.parametrize(
    ("question", "asked"),
    [
        ("Wo wurde der Gründer des Museum Alter Hafen geboren?", "Wo wurde Jana Roth geboren?"),
        ("Wann starb der Leiter des Museum Alter Hafen?", "Wann starb Tom Poe?"),
    ],
)
def test_a_german_question_has_a_second_hop_too(question: str, asked: str) -> None:
    text = "Das Museum Alter Hafen steht in Altstadt. Es wurde von Jana Roth gegründet. Tom Poe leitete es von 1950 an."
    museum = EvidenceItem(alias="E1", title="Museum Alter Hafen", text=text)
    assert asked in [each.asks for each in bridges(question, [museum], 4)]
