"""What a comparison compares, and what is asked of each side."""

import pytest

from gateway.extractive.asking.sides import sides

HALLS = "north hall", "south hall"


@pytest.mark.parametrize(
    ("question", "names", "asks"),
    [
        (
            "How do Light and Heavy mode differ when it comes to mail and to session limits?",
            ("Light mode", "Heavy mode"),
            "what about mail and session limits?",
        ),
        ("How does a snapshot compare to a backup in terms of speed?", ("snapshot", "backup"), "what about speed?"),
        (
            "What is the difference in price between the coast pass and the alpine pass?",
            ("coast pass", "alpine pass"),
            "what about price?",
        ),
        (
            "What is the difference between masking and removing in the screening operator?",
            ("masking", "removing"),
            "what is it in the screening operator?",
        ),
        ("Which is larger, the north hall or the south hall?", HALLS, "how large is it?"),
        ("The north hall or the south hall, which is larger?", HALLS, "how large is it?"),
        ("Is the north hall or the south hall larger?", HALLS, "how large is it?"),
        ("Is the north hall larger than the south hall?", HALLS, "how large is it?"),
        ("Which has fewer seats, Blue Ferry or Red Ferry?", ("Blue Ferry", "Red Ferry"), "how many seats?"),
        ("Parquet compared with CSV, which is smaller?", ("Parquet", "CSV"), "how small is it?"),
        ("oak versus beech: which is better for boats?", ("oak", "beech"), "which is better for boats?"),
        ("Who was born first, Ann Roe or Jane Roe?", ("Ann Roe", "Jane Roe"), "who was born first?"),
    ],
)
def test_each_side_is_asked_for_what_is_compared(question, names, asks):
    assert [(side.name, side.asks) for side in sides(question)] == [(name, f"{name}: {asks}") for name in names]


@pytest.mark.parametrize(
    ("question", "asks"),
    [
        ("What is the difference between a lease and a licence?", ["What is a lease?", "What is a licence?"]),
        (
            "What is the difference between the short and the long form?",
            ["What is the short form?", "What is the long form?"],
        ),
        ("How do Northern and Southern trains differ?", ["What are Northern trains?", "What are Southern trains?"]),
        (
            "Compare the price of the coast pass and the alpine pass.",
            ["What is the price of the coast pass?", "What is the price of the alpine pass?"],
        ),
    ],
)
def test_where_nothing_in_particular_is_compared_each_side_is_asked_for(question, asks):
    assert [side.asks for side in sides(question)] == asks


@pytest.mark.parametrize(
    "question",
    [
        "How deep is Lake Garda?",
        "What is the difference?",
        "Is it better to wait?",
        "How is data kept both encrypted and available from May 2020 to June 2021?",
        "Who made Are You There? or Blue Fog?",
    ],
)
def test_a_question_that_compares_nothing_has_no_sides(question):
    assert sides(question) == []


def test_a_long_text_with_many_candidates_is_read():
    assert sides("is " + "a b or c d and " * 300 + "between e") == []
