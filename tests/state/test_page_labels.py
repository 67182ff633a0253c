"""Page labels are kept as runs, and each label is read from them again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from state.page_labels import PAGE_LABELS, label_of, runs_of
from state.places import pages_of
from state.report import ReportEvidence
from state.values import Passage, Scores


@pytest.mark.parametrize(
    ("labels", "runs"),
    [
        (["i", "ii", "iii", "1", "2"], [[1, "", "r", 1], [4, "", "D", 1]]),
        (["Cover", "I", "II", "A-1", "A-2"], [[1, "Cover", "", 0], [2, "", "R", 1], [4, "A-", "D", 1]]),
        (["a", "b", "c", "d"], [[1, "", "a", 1]]),
        (["v", "vi", "viii"], [[1, "", "r", 5], [3, "", "r", 8]]),
        (["1", "2", "3"], []),
        (["", "", ""], []),
        (["x", "x", "9"], [[1, "x", "", 0], [3, "", "D", 9]]),
        ([f"{n * 7 % 1000}" for n in range(1, 200)], []),
    ],
)
def test_labels_are_runs(labels, runs):
    assert runs_of(labels) == runs
    shown = [label_of({PAGE_LABELS: runs}, page) for page in range(1, len(labels) + 1)]
    assert shown == [label if runs and label != str(page) else "" for page, label in enumerate(labels, 1)]


@given(st.lists(st.text("ivxIVXabz019-. ", max_size=4), max_size=30))
def test_each_label_is_read_again(labels):
    runs = runs_of(labels)
    for page, label in enumerate(labels, 1):
        assert label_of({PAGE_LABELS: runs}, page) in ("", label)


@pytest.mark.parametrize(
    "kept",
    [
        None,
        "i",
        [1],
        [[1, "", "r"]],
        [["1", "", "r", 1]],
        [[1, "", "x", 1]],
        [[1, "", "r", 10**12]],
        [[1, "[a](b)", "", 0]],
    ],
)
def test_metadata_that_hold_something_else_give_no_label(kept):
    assert label_of({PAGE_LABELS: kept}, 1) == ""


def passage(page, page_end, runs):
    return Passage(
        evidence_id="E", document_id="d", title="t", source="s", page=page, page_end=page_end, start=0, end=1, text="x",
        metadata={PAGE_LABELS: runs},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("page", "page_end", "shown"),
    [
        (2, 2, "page ii (2 of the file)"),
        (2, None, "page ii (2 of the file)"),
        (2, 3, "pages ii to 1 (2 to 3 of the file)"),
        (None, None, ""),
    ],
)
def test_pages_are_shown_as_they_are_cited(page, page_end, shown):
    assert pages_of(passage(page, page_end, [[1, "", "r", 1], [3, "", "D", 1]])) == shown


def test_a_cited_passage_is_shown_with_its_labels():
    cited = ReportEvidence(
        id="E", number=1, document_id="d", title="t", source="s", page=6, page_end=7, page_label="iv", start=0, end=1,
        text="x", scores=Scores(),
    )  # fmt: skip
    assert pages_of(cited) == "pages iv to 7 (6 to 7 of the file)"
    assert pages_of(cited.model_copy(update={"page_label": ""})) == "pages 6 to 7"
