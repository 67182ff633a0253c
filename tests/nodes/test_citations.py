"""Claims and markers."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from nodes.citations import MARKER, cited_sentences

SENTENCES = ("It started in 2019", "Nobody knows why", "Dr. Moreau left e.g. no papers", "Über 40 dollars were spent")
drafted = st.lists(
    st.tuples(
        st.sampled_from(SENTENCES),
        st.lists(st.integers(1, 40).map("E{}".format), unique=True, max_size=3).map(tuple),
        st.booleans(),
    ),
    min_size=1,
    max_size=5,
)


def written(sentence: str, aliases: tuple[str, ...], *, before_the_stop: bool) -> str:
    marker = f" [{', '.join(aliases)}]" if aliases else ""
    return f"{sentence}{marker}." if before_the_stop else f"{sentence}.{marker}"


@given(drafted)
def test_a_marker_belongs_to_the_sentence_that_it_stands_in_or_after(draft: Any) -> None:
    markdown = " ".join(written(text, aliases, before_the_stop=inside) for text, aliases, inside in draft)
    found = cited_sentences(markdown)
    assert [s.aliases for s in found] == [aliases for _, aliases, _ in draft]
    assert [s.text.removesuffix(".").strip() for s in found] == [text for text, _, _ in draft]
    assert " ".join(markdown[s.start : s.end] for s in found) == markdown


def test_headings_and_questions_state_nothing() -> None:
    found = cited_sentences(
        "# Falcon\n\nWhen did it start? It started in 2019 [E1].\n\n## Cost\n- 40 dollars were spent. [E2]"
    )
    assert [s.section for s in found] == ["Falcon", "Cost"]
    assert [s.aliases for s in found] == [("E1",), ("E2",)]


def test_repeated_aliases_count_once() -> None:
    assert cited_sentences("It is so [E1][E2] and so [E1].")[0].aliases == ("E1", "E2")


def test_spans_cover_the_sentence_and_its_markers() -> None:
    markdown = "First it was. [E1]\n\nThen it was not. [E2]"
    assert [markdown[s.start : s.end] for s in cited_sentences(markdown)] == [
        "First it was. [E1]",
        "Then it was not. [E2]",
    ]


@given(
    st.lists(
        st.sampled_from(["A fact stands here", "[E1]", "[E12]", ". ", "\n", "## T\n", "- ", "? ", "é"]), max_size=20
    ).map("".join)
)
def test_every_alias_lands_in_at_most_one_sentence(markdown: str) -> None:
    found = cited_sentences(markdown)
    assert all(0 <= s.start < s.end <= len(markdown) for s in found)
    assert sum(len(s.aliases) for s in found) <= len(MARKER.findall(markdown))
    assert all("[E" not in s.text for s in found)
