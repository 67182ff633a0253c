"""What is quoted must have the form of an answer, so that it counts as `answered`."""

from __future__ import annotations

import pytest

from gateway.extractive.asking.fitting import fits
from gateway.extractive.features import question_of
from gateway.extractive.reading import candidates
from state.evidence_block import EvidenceItem


def fit(question: str, text: str, *headings: str) -> bool:
    """Return whether the sentences of one passage, in reading order, fit."""
    item = EvidenceItem(alias="E1", title="Harbour manual", text=text, heading_path=headings)
    reading = candidates({"question": question}, [item], 20)
    ordered = sorted(reading.sentences, key=lambda each: each.span)
    return fits(question_of(question, reading), ordered)


@pytest.mark.parametrize(
    ("question", "answer", "beside"),
    [
        pytest.param(
            "Which crane does the harbour use?",
            "The harbour uses the crane Titan-4.",
            "For more details on the crane, see Titan-4 and cranes.",
            id="a reference says nothing",
        ),
        pytest.param(
            "How do I moor a boat?",
            "Moor a boat with this call:\n\n    harbour.moor(boat)",
            "Moor a boat with this call:\n\nPython",
            id="a lead without what it announces",
        ),
        pytest.param(
            "Are boats lifted automatically?",
            "Boats are lifted automatically.",
            "If `auto_lift` is True, boats are lifted automatically.",
            id="a condition that was not asked for",
        ),
        pytest.param(
            "Which signal does a buoy get if the option is left out?",
            "By default, a buoy gets the white signal.",
            "The option sets the signal that a buoy gets.",
            id="a default is said to be one",
        ),
        pytest.param(
            "Where is berths.xml written?",
            "The file berths.xml is written in the directory of the harbour.",
            "The file berths.xml is written once for each boat.",
            id="where needs a place",
        ),
        pytest.param(
            "By which signal are boats warned?",
            "The signal that warns boats is Howler.",
            "More and more signals warn the boats at hand.",
            id="which needs a name",
        ),
        pytest.param(
            "From which harbours can boats sail?",
            "Boats can sail from these harbours:\n\n- Northby\n- Southby",
            "Boats can sail in several ways, with Wind or Steam.",
            id="which needs the thing",
        ),
        pytest.param(
            "Example of painting a buoy?",
            "This paints a buoy:\n\n    buoy.paint()",
            "The syntax to create a buoy is:\n\n    harbour.create_buoy()",
            id="code must be about the question",
        ),
        pytest.param(
            "How do I detach a rope from a boat?",
            "Ropes can be detached from a boat at any time.",
            "Ropes can be specified for a boat or for a buoy.",
            id="a how-to has its verb",
        ),
    ],
)
def test_only_what_has_the_form_of_an_answer_fits(question: str, answer: str, beside: str) -> None:
    assert fit(question, answer, "Work at the harbour")
    assert not fit(question, beside, "Work at the harbour")


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("Are boats lifted automatically if `auto_lift` is True?", "If `auto_lift` is True, boats are lifted."),
        ("What is a berth called if I give no name?", "By default, a berth is called like its boat."),
        ("How do I leave ropes out?", "Ropes are excluded by `with_excluded_ropes()`."),
        ("What starts the crane?", "The keeper starts it."),
    ],
)
def test_other_words_for_the_same_thing_fit(question: str, said: str) -> None:
    assert fit(question, said, "Work at the harbour")


def test_what_only_manuals_need_is_not_asked_of_articles() -> None:
    assert fit("By which signal are boats warned?", "More and more signals warn the boats at hand.")
