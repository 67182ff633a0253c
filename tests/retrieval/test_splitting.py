from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.documents import Heading, LoadedDocument
from retrieval.loaders.canonical import join_pages
from retrieval.splitting import split_document

ALPHABET = "ab. ,;?!\n\t\u00a0é😀"
PAGES = st.lists(st.text(ALPHABET, max_size=120), min_size=1, max_size=4)
SIZES = st.integers(4, 60)


def made(pages, headings=()):
    text, starts = join_pages(pages)
    return LoadedDocument(
        document_id="d",
        title="d",
        source="d",
        text=text,
        page_starts=tuple(starts),
        headings=tuple(headings),
        parser="text",
        parser_version="1",
    )


@st.composite
def documents(draw):
    document = made(draw(PAGES))
    places = draw(st.sets(st.integers(0, max(len(document.text) - 1, 0)), max_size=4))
    headings = [Heading(start=at, level=draw(st.integers(1, 6)), title=f"h{at}") for at in sorted(places)]
    return document.model_copy(update={"headings": tuple(headings)})


@given(documents(), SIZES, st.integers(0, 80))
def test_spans_are_ordered_trimmed_and_within_bounds(document, most, overlap):
    spans = split_document(document, chunk_chars=most, overlap=overlap)
    for span in spans:
        piece = document.text[span.start : span.end]
        assert 0 <= span.start < span.end <= len(document.text)
        assert len(piece) <= most
        assert piece == piece.strip()
    assert [span.start for span in spans] == sorted(span.start for span in spans)
    assert [span.end for span in spans] == sorted(span.end for span in spans)
    assert len({(span.start, span.end) for span in spans}) == len(spans)


@given(documents(), SIZES, st.integers(0, 80))
def test_every_visible_character_lies_in_a_span(document, most, overlap):
    spans = split_document(document, chunk_chars=most, overlap=overlap)
    covered = {at for span in spans for at in range(span.start, span.end)}
    assert not [at for at, char in enumerate(document.text) if not char.isspace() and at not in covered]


@given(documents(), SIZES, st.integers(0, 80))
def test_pages_are_those_of_the_first_and_last_character(document, most, overlap):
    for span in split_document(document, chunk_chars=most, overlap=overlap):
        assert span.page == document.text.count("\f", 0, span.start) + 1
        assert span.page_end == document.text.count("\f", 0, span.end - 1) + 1


@given(documents(), SIZES)
def test_without_overlap_no_character_is_in_two_spans(document, most):
    spans = split_document(document, chunk_chars=most, overlap=0)
    assert all(before.end <= after.start for before, after in pairwise(spans))


@given(documents(), SIZES, st.integers(0, 80))
def test_a_span_never_crosses_a_heading(document, most, overlap):
    starts = [heading.start for heading in document.headings]
    for span in split_document(document, chunk_chars=most, overlap=overlap):
        assert not [at for at in starts if span.start < at < span.end]


def test_heading_paths_nest_and_close():
    text = "intro\n# A\none\n## B\ntwo\n# C\nthree\n### D\nfour\n## E\nfive"
    levels = {"# A": 1, "## B": 2, "# C": 1, "### D": 3, "## E": 2}
    headings = [Heading(start=text.index(f"\n{h}") + 1, level=n, title=h[-1]) for h, n in levels.items()]
    spans = split_document(made([text], headings), chunk_chars=100, overlap=10)
    paths = [span.heading_path for span in spans]
    assert paths == [(), ("A",), ("A", "B"), ("C",), ("C", "D"), ("C", "E")]
    assert text[spans[2].start : spans[2].end] == "## B\ntwo"


@pytest.mark.parametrize("overlap", [0, 15, 40])
def test_repeated_text_does_not_confuse_offsets(overlap):
    text = "The same sentence again. " * 40 + "The end."
    spans = split_document(made([text]), chunk_chars=80, overlap=overlap)
    assert spans[-1].end == len(text)
    assert all(after.start <= before.end + 1 for before, after in pairwise(spans))
    assert all(before.end - after.start <= overlap for before, after in pairwise(spans))


def test_overlap_begins_at_a_word():
    text = " ".join(f"word{n:03}" for n in range(100))
    spans = split_document(made([text]), chunk_chars=100, overlap=20)
    assert all(text[span.start : span.start + 4] == "word" for span in spans)
    assert all(after.start < before.end for before, after in pairwise(spans))


def test_a_format_without_pages_gives_none():
    document = made(["one two"]).model_copy(update={"page_starts": ()})
    (span,) = split_document(document, chunk_chars=50, overlap=0)
    assert (span.page, span.page_end, span.heading_path) == (None, None, ())
    assert split_document(document.model_copy(update={"text": " \n "}), chunk_chars=50, overlap=0) == []
