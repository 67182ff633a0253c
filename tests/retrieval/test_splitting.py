from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.documents import Block, Heading, LoadedDocument
from retrieval.loaders.canonical import TextBuilder, join_pages
from retrieval.splitting import split_document
from tests.retrieval.office.packages import loaded

ALPHABET = "ab. ,;?!\n\t\u00a0é😀"
PAGES = st.lists(st.text(ALPHABET, max_size=120), min_size=1, max_size=4)
SIZES = st.integers(4, 60)


def block_at(document, place):
    return next((block.kind for block in document.blocks if block.start <= place < block.end), "prose")


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
    ends = sorted(draw(st.sets(st.integers(0, len(document.text)), max_size=8)))
    kinds = st.sampled_from(["list", "table", "code", "heading"])
    blocks = [Block(start=start, end=end, kind=draw(kinds)) for start, end in pairwise(ends)][
        :: draw(st.integers(1, 2))
    ]
    return document.model_copy(update={"headings": tuple(headings), "blocks": tuple(blocks)})


@st.composite
def structured(draw):
    """A document as loaders build one, of words that tell which block each is in."""
    built = TextBuilder()
    kinds = draw(st.lists(st.sampled_from(["prose", "list", "table", "code", "heading"]), min_size=1, max_size=14))
    for number, kind in enumerate(kinds):
        size = draw(st.integers(1, 3 if kind == "heading" else 12))
        words = [f"{kind[0]}{number}" for _ in range(size)]
        lines = "\n".join(f"  {word} {word};" for word in words)
        level = draw(st.integers(1, 3)) if kind == "heading" else None
        built.add(" ".join(words) if kind in ("prose", "heading") else lines, level, kind=kind)
    return made([built.text], built.headings).model_copy(update={"blocks": tuple(built.blocks)})


@given(documents(), SIZES, st.integers(0, 80))
def test_spans_are_ordered_trimmed_and_within_bounds(document, most, overlap):
    spans = split_document(document, chunk_chars=most, overlap=overlap)
    for span in spans:
        piece = document.text[span.start : span.end]
        assert 0 <= span.start < span.end <= len(document.text)
        assert len(piece) <= most
        assert piece == piece.rstrip()
        assert piece == piece.lstrip() or block_at(document, span.start) == "code"
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


@given(structured(), st.integers(40, 200), st.integers(0, 60))
def test_a_heading_is_no_passage_unless_there_is_nothing_else(document, most, overlap):
    spans = split_document(document, chunk_chars=most, overlap=overlap)
    if all(block.kind == "heading" for block in document.blocks) and document.blocks:
        return
    for span in spans:
        words = document.text[span.start : span.end].split()
        assert any(not word.startswith("h") for word in words)


@given(structured(), st.integers(40, 200), st.integers(0, 60))
def test_code_and_tables_that_fit_are_whole_and_others_are_cut_between_lines(document, most, overlap):
    spans = split_document(document, chunk_chars=most, overlap=overlap)
    headed = any(block.kind == "heading" for block in document.blocks)
    for block in document.blocks:
        if block.kind not in ("code", "table") or (headed and block.end - block.start > most // 2):
            continue  # a heading above or below it may leave too little room
        cuts = {at for span in spans for at in (span.start, span.end) if block.start < at < block.end}
        assert not cuts or block.end - block.start > most
        assert all(re.search(r"\n *\Z", document.text[:at]) or document.text[at] == "\n" for at in cuts)


@given(structured(), st.integers(40, 200))
def test_the_kind_and_the_path_are_those_of_the_text(document, most):
    for span in split_document(document, chunk_chars=most, overlap=0):
        text = document.text[span.start : span.end]
        kinds = {word[0] for word in text.split()} - {"h"}
        assert span.kind[0] == (kinds.pop() if len(kinds) == 1 else "p" if kinds else "h")
        above = [heading for heading in document.headings if heading.start <= span.start]
        within = [heading for heading in document.headings if span.start < heading.start < span.end]
        assert set(span.heading_path) <= {heading.title for heading in (*above, *within)}


def sections(*given):
    """Return a document of (heading, text) pairs; the marks before a heading are its level, as in Markdown."""
    built = TextBuilder()
    for heading, text in given:
        built.add(heading.strip("# "), heading.count("#"))
        built.add(text)
    return made([built.text], built.headings).model_copy(update={"blocks": tuple(built.blocks)})


def found(document, most):
    spans = split_document(document, chunk_chars=most, overlap=0)
    return [("/".join(span.heading_path), " ".join(document.text[span.start : span.end].split())) for span in spans]


def test_heading_paths_nest_and_close():
    text = " x" * 40
    given = ("", text), ("# A", text), ("## B", text), ("# C", text), ("### D", text), ("## E", text)
    assert [path for path, _ in found(sections(*given), 100)] == ["", "A", "A/B", "C", "C/D", "C/E"]
    assert found(sections(*given), 100)[2][1].startswith("B x x")


@pytest.mark.parametrize(
    ("given", "passages"),
    [
        ([("# A", ""), ("## B", "b")], [("A/B", "A B b")]),
        ([("# A", ""), ("## B", ""), ("# C", "c")], [("C", "A B C c")]),
        ([("# A", "a"), ("## B", "b"), ("## C", "c")], [("A", "A a B b C c")]),
        ([("# A", ""), ("## B", "b"), ("## C", "c")], [("A", "A B b C c")]),
        ([("# A", ""), ("## B", "b"), ("# C", "c")], [("A/B", "A B b"), ("C", "C c")]),
        ([("# A", "a"), ("# B", "b"), ("# C", "")], [("", "A a B b C")]),
        ([("# A", ""), ("# B", "")], [("", "A B")]),
        ([("# A", "a " * 40), ("## B", "b")], [("A", "A" + " a" * 40 + " B b")]),
        ([("# A", "a " * 40), ("## B", "b " * 20)], [("A", "A" + " a" * 40), ("A/B", "B" + " b" * 20)]),
        ([("# A", ""), ("## B", "b " * 60)], [("A/B", "A B" + " b" * 47), ("A/B", "b" + " b" * 12)]),
        ([("# A", "a " * 49), ("# B", "")], [("A", "A" + " a" * 48), ("A", "a B")]),
    ],
)
def test_small_sections_are_joined_under_their_common_path(given, passages):
    assert found(sections(*given), 100) == passages


def test_a_table_that_is_cut_says_in_each_passage_what_its_columns_are(tmp_path):
    rows = "".join(f"<tr><td>tea {n}<td>{n}" for n in range(40))
    (tmp_path / "a.html").write_text(f"<p>Prices<table><tr><th>name<th>price{rows}</table>")
    document = loaded(tmp_path / "a.html")
    spans = split_document(document, chunk_chars=200, overlap=50)
    assert len(spans) > 4
    for span in spans[1:]:
        lines = document.text[span.start : span.end].split("\n")
        assert span.kind == "table"
        assert all(re.fullmatch(r"name: tea \d+; price: \d+", line) for line in lines)


def test_code_is_kept_with_its_indentation_and_not_cut_to_fill_a_passage():
    built = TextBuilder()
    built.add("Before it. " * 5)
    built.add("    def f():\n        return 1\n\n    f()", kind="code")
    built.add("After it. " * 6)
    document = made([built.text]).model_copy(update={"blocks": tuple(built.blocks)})
    spans = split_document(document, chunk_chars=80, overlap=0)
    assert ("code", "    def f():\n        return 1\n\n    f()") in [
        (span.kind, document.text[span.start : span.end]) for span in spans
    ]


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


def blocks(*parts):
    built = TextBuilder()
    for text, kind in parts:
        built.add(text, kind=kind)
    return made([built.text]).model_copy(update={"blocks": tuple(built.blocks)})


def pieces(document, most):
    return [document.text[span.start : span.end] for span in split_document(document, chunk_chars=most, overlap=0)]


WORDS = "Words of a text that stands before. " * 4
ITEMS = ("- one item of it", "list"), ("- another item", "list"), ("  which goes on", "list"), ("- the last", "list")


@pytest.mark.parametrize(
    ("kind", "below"), [("code", "    a = 1\n    b = 2"), ("table", "a: 1; b: 2\na: 3; b: 4"), ("list", "- one")]
)
def test_what_introduces_a_block_stays_with_it(kind, below):
    document = blocks((WORDS, "prose"), ("Do it so:", "prose"), (below, kind), (WORDS, "prose"))
    assert f"Do it so:\n\n{below}" in pieces(document, 160)[1]
    told = blocks((f"{WORDS} Do it so:", "prose"), (below, kind), (WORDS, "prose"))
    assert all(("Do it so:" in piece) == (below in piece) for piece in pieces(told, 170))


def test_a_list_that_fits_is_not_cut():
    document = blocks((WORDS, "prose"), ("These:", "prose"), *ITEMS, ("      a = 1", "code"), (WORDS, "prose"))
    (whole,) = [piece for piece in pieces(document, 180) if "one item" in piece]
    assert whole.startswith("These:")
    assert "a = 1" in whole


def test_a_list_that_does_not_fit_is_cut_between_its_items():
    many = [(f"- item {n} of many of them", "list") for n in range(40)]
    document = blocks(*many)
    found = pieces(document, 200)
    assert len(found) > 3
    assert all(piece.startswith("- item") and len(piece) > 100 for piece in found[:-1])
