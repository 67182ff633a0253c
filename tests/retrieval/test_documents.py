from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.documents import LoadedDocument, evidence_id

PARTS = ("tenant", "corpus", "a.md", "0" * 64, 0, 10)
NAMES = st.tuples(st.text(max_size=4), st.text(max_size=4), st.text(max_size=4), st.text(max_size=4))


def test_an_evidence_id_is_e_and_26_base32_characters():
    made = evidence_id(*PARTS)
    assert re.fullmatch(r"E[A-Z2-7]{26}", made)
    assert made == evidence_id(*PARTS)
    assert made == "EGDGY6VDW5HAGDMR3WRLLQTUF7X"


@pytest.mark.parametrize("place", range(len(PARTS)))
def test_each_part_changes_the_evidence_id(place):
    other: list = list(PARTS)
    other[place] = other[place] + (1 if isinstance(other[place], int) else "x")
    assert evidence_id(*other) != evidence_id(*PARTS)


@given(NAMES, NAMES)
def test_parts_do_not_run_into_each_other(left, right):
    assert (evidence_id(*left, 1, 2) == evidence_id(*right, 1, 2)) == (left == right)
    assert evidence_id(*left, 1, 23) != evidence_id(*left, 12, 3)


def test_the_text_alone_names_the_version():
    one = LoadedDocument(document_id="a", title="A", source="a", text="é", parser="text", parser_version="1")
    assert one.text_hash == one.model_copy(update={"title": "B"}).text_hash
    assert one.text_hash != LoadedDocument(**{**one.model_dump(), "text": "e"}).text_hash
    assert len(one.text_hash) == 64
