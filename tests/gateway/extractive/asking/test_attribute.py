"""What no passage speaks of cannot be answered, however near the passages are."""

import pytest

from gateway.extractive.asking.attribute import asked_for, lacks_amount, lacks_names, speaks_of
from gateway.extractive.named_terms import PassageWords, names
from gateway.extractive.plan import reworded
from gateway.extractive.reading import candidates
from state.evidence_block import EvidenceItem

FERRY = EvidenceItem(
    alias="E1",
    title="Coral Ferry",
    text="The Coral Ferry runs daily. It carries forty cars, and its captain is Ann Roe. The log is kept.",
)


def absent(question: str) -> bool:
    read = candidates({"question": question}, [FERRY], 60).asked[0]
    return read.absent or read.untold


@pytest.mark.parametrize(
    ("question", "word"),
    [
        ("How many oars does a boat have?", "oar"),
        ("How long is the warranty of a boat?", "warranty"),
        ("Which airline uses the harbour?", "airlin"),
        ("Which university teaches rowing?", "university"),
        ("What is the telephone number of the harbour?", "telephon"),
        ("Who invented the rudder?", "invent"),
        ("What is the purpose of the fire?", ""),
        ("Which value does the setting have?", ""),
        ("What is the price of Tariff A?", ""),
        ("What is the population of the village?", ""),
        ("How do I row?", ""),
        ("What is the Coral Ferry?", ""),
    ],
)
def test_the_word_for_what_a_question_asks_for(question, word):
    assert asked_for(question) == word


@pytest.mark.parametrize(
    "question",
    [
        "How many cars does the Coral Ferry carry?",
        "Who is the captain of the Coral Ferry?",
        "How many cars does the Corall Ferry carry?",
        "How is the founder of the Coral Ferry related to the sailor?",
        "What is it like?",
    ],
)
def test_what_the_passages_speak_of_is_not_absent(question):
    assert not absent(question)


@pytest.mark.parametrize(
    "question",
    [
        "How long is the warranty of the Coral Ferry?",
        "Which airline uses the Coral Ferry?",
        "How many cars does the Red Tunnel carry?",
        "What does a ticket for the Coral Ferry cost?",
        "Red Tunnel: when was it built?",
        "Westwind (Film): who directed it?",
        "When was Ernest Ii, Duke Of Rye-Holm And Elm born?",
    ],
)
def test_what_no_passage_speaks_of_is_absent(question):
    assert absent(question)


def test_a_name_may_be_written_as_an_identifier_and_a_single_capital_may_be_no_name():
    (store,) = names("Where is the Feature Store?")
    assert not lacks_names("Where is the Feature Store?", [store], [PassageWords.of("Use feature_store here.")])
    assert not lacks_names("Where is Snowflake?", names("Where is Snowflake?"), [PassageWords.of("Other words.")])
    assert not lacks_names("Wo ist der Große Speicher?", [store], [PassageWords.of("Andere Wörter.")])


@pytest.mark.parametrize(
    "text", ["It costs $ 4.", "A ticket is 12 euros.", "The ferry is free.", "It costs nothing.", "price: 3; seats: 4"]
)
def test_a_price_is_an_amount_of_money_or_none_at_all(text):
    asked = "What does a ticket cost?"
    assert not lacks_amount(asked, [text])
    assert lacks_amount(asked, ["A ticket has a number."])
    assert not lacks_amount("How many seats are there?", ["A ticket has a number."])


def test_a_word_is_found_in_another_form_and_within_an_identifier():
    passage = PassageWords.of("The connect_timeout ends waiting.")
    assert speaks_of(passage, "timeout")
    assert speaks_of(PassageWords.of("They were encrypted."), "encryption")
    assert not speaks_of(passage, "oar")
    assert not speaks_of(PassageWords.of("It is universal."), "university")


def test_what_is_absent_is_so_in_the_other_words_of_a_later_round():
    question = "How long is the warranty of the Coral Ferry?"
    asked = [{"id": "q1", "text": question}, {"id": "q2", "text": reworded(question), "round": 2}]
    read = candidates({"question": question, "sub_questions": asked, "round": 2}, [FERRY], 60).asked
    assert [each.untold for each in read] == [True, True]
