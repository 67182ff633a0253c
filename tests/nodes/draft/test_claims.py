"""Which spans of a draft are claims, and what they cite."""

from __future__ import annotations

import re

import pytest

from nodes.draft import DraftClaim, draft_claims, draft_hash
from state.values import ClaimKind

SENTENCE, ROW, CODE, HEADING = ClaimKind.SENTENCE, ClaimKind.ROW, ClaimKind.CODE, ClaimKind.HEADING


def found(markdown: str, *, headings: bool = False) -> list[DraftClaim]:
    return [claim for claim in draft_claims(markdown) if headings or claim.kind is not HEADING]


def texts(markdown: str) -> list[str]:
    return [claim.text for claim in found(markdown)]


def cited(markdown: str) -> list[tuple[str, ...]]:
    return [claim.aliases for claim in found(markdown)]


def spans(markdown: str) -> list[str]:
    return [markdown[claim.start : claim.end] for claim in draft_claims(markdown)]


@pytest.mark.parametrize(
    ("markdown", "claims"),
    [
        ("It was so [E1]. It is not. [E2]", [("It was so.", ("E1",)), ("It is not.", ("E2",))]),
        ("It was\nso [E1]. It\nis not. [E2]", [("It was so.", ("E1",)), ("It is not.", ("E2",))]),
        ("It is so [E1][E2] and so [E1].", [("It is so and so.", ("E1", "E2"))]),
        ("It is so [E1, E2; E3].", [("It is so.", ("E1", "E2", "E3"))]),
        ("It is so.[^E1] Then 【E2】 not.", [("It is so.", ("E1",)), ("Then not.", ("E2",))]),
        ("[E1] says so. It is.", [("says so.", ("E1",)), ("It is.", ())]),
        ("One. Two. Three [E1]. Four.", [("One.", ("E1",)), ("Two.", ("E1",)), ("Three.", ("E1",)), ("Four.", ())]),
        (
            "See e.g. the Dr. Moreau files, 3.5 of v1.2 [E1].",
            [("See e.g. the Dr. Moreau files, 3.5 of v1.2.", ("E1",))],
        ),
        ("数は六十です。[E1]次の文です[E2]。", [("数は六十です。", ("E1",)), ("次の文です。", ("E2",))]),
        (
            "**First one. Second [E1].** *Third [E2].*",
            [("First one.", ("E1",)), ("Second.", ("E1",)), ("Third.", ("E2",))],
        ),
        ("Use `a. B c` and \\*x\\* &amp; ~~not~~ [E1].", [("Use a. B c and *x* & not.", ("E1",))]),
        ("Read [the docs. All](https://x.example) [E1].", [("Read the docs. All.", ("E1",))]),
        ("Limit: 60 [E1]  \nBurst: 10 [E2]", [("Limit: 60", ("E1",)), ("Burst: 10", ("E2",))]),
        ("A limit of sixty  \nrequests [E1].", [("A limit of sixty requests.", ("E1",))]),
        ("Limit: 60 [E1]\nBurst: 10 [E2]", [("Limit: 60", ("E1",)), ("Burst: 10", ("E2",))]),
        ("Why? Because of it [E1]! … — 👍", [("Because of it!", ("E1",))]),
        ("It ends (so it is [E1]).", [("It ends (so it is).", ("E1",))]),
        ("One.\n\nTwo [E1].", [("One.", ()), ("Two.", ("E1",))]),
        ("One. Two.\n\n[E1] [E2]", [("One.", ("E1", "E2")), ("Two.", ("E1", "E2"))]),
        ("In code `[E1]` nothing is a mark.", [("In code [E1] nothing is a mark.", ())]),
        ("Nor is \\[E1\\] one.", [("Nor is [E1] one.", ())]),
        ("It is [60 [E1]](https://x.example).", [("It is 60.", ("E1",))]),
    ],
)
def test_sentences_and_their_marks(markdown: str, claims: list[tuple[str, tuple[str, ...]]]) -> None:
    assert [(claim.text, claim.aliases) for claim in found(markdown)] == claims
    assert {claim.kind for claim in found(markdown)} == {SENTENCE}


def test_a_span_is_the_sentence_with_its_marks_and_the_emphasis_around_it() -> None:
    assert spans("First it was. [E1]\n\n*Then* **it was not.** [E2]") == [
        "First it was. [E1]",
        "*Then* **it was not.** [E2]",
    ]
    assert spans("**First. Second [E1].** Third") == ["First.", "Second [E1].", "Third"]
    assert spans("> One\n> two [E1]. **Three.**") == ["One\n> two [E1].", "**Three.**"]


def test_a_quotation_that_cites_at_its_end_is_one_claim() -> None:
    assert spans("> One. **Two.** Three. [E1]") == ["One. **Two.** Three. [E1]"]
    assert spans("> - One. Two. [E1]\n> - Three. [E1]") == ["One. Two. [E1]", "Three. [E1]"]
    assert spans("> One. [E1] Two. [E1]") == ["One. [E1]", "Two. [E1]"]
    assert spans("> One. Two.\n\nThree. Four. [E1]") == ["One.", "Two.", "Three.", "Four. [E1]"]


def test_own_marks_are_told_from_inherited_ones() -> None:
    assert [claim.own_marks for claim in found("One. Two [E1].")] == [False, True]


LIST = """\
Before.

The limits are:

- Sixty requests
  - and ten bursts [E1]
    over
    three lines
- [ ] a task. [E2]
- [x] Done. Twice [E3].

1. First: one [E4]
2. Second
"""


def test_every_item_is_a_claim_and_what_leads_to_them_cites_what_they_cite() -> None:
    assert [(claim.text, claim.aliases) for claim in found(LIST)] == [
        ("Before.", ()),
        ("The limits are:", ("E1", "E2", "E3")),
        ("Sixty requests", ("E1",)),
        ("and ten bursts over three lines", ("E1",)),
        ("a task.", ("E2",)),
        ("Done.", ("E3",)),
        ("Twice.", ("E3",)),
        ("First: one", ("E4",)),
        ("Second", ()),
    ]
    assert [claim.context for claim in found(LIST)[2:5]] == ["The limits are:", "Sixty requests", "The limits are:"]


def test_items_without_marks_cite_what_the_words_before_them_cite() -> None:
    assert cited("These are [E7]:\n\n- one\n- two [E1]") == [("E7",), ("E7",), ("E1",)]
    assert cited("This is so [E7].\n\n- one\n- two [E1]") == [("E7",), ("E1",), ("E1",)]
    assert cited("These are:\n\n- one\n- two\n\n[E1]") == [("E1",)] * 3
    assert cited("- Free tier [E1]\n  - one\n  - two\n- Pro tier\n  - three [E2]") == [
        *[("E1",)] * 3,
        *[("E2",)] * 2,
    ]


TABLE = "| Tier | *Limit* |\n|:--|--:|\n| Free [E1] | 60 \\| **a** minute |\n| Pro | ? |\n| | |\n\nSource: [E2]"


def test_a_row_is_a_claim_with_the_header_as_context_and_the_header_a_title_of_its_rows() -> None:
    assert [(claim.kind, claim.text, claim.context, claim.aliases) for claim in draft_claims(TABLE)] == [
        (ClaimKind.HEADER, "Tier | Limit", "Free | 60 | a minute\nPro | ?\n|", ("E1", "E2")),
        (ROW, "Free | 60 | a minute", "Tier | Limit", ("E1",)),
        (ROW, "Pro | ?", "Tier | Limit", ("E2",)),
    ]
    assert spans(TABLE) == [TABLE.split("\n")[0], "| Free [E1] | 60 \\| **a** minute |", "| Pro | ? |"]


def test_cells_beyond_the_header_are_no_part_of_a_row() -> None:
    assert texts("a | b\n--|--\nc | d [E1] | hidden") == ["a | b", "c | d"]


CODED = """\
Install it [E1]:

```bash
pip install x
  # [E9] no mark
```

Then:

    indented

    code

[E2]

1. Run

   ~~~
   go
   ~~~
"""


def test_code_is_a_claim_with_the_marks_after_it_or_of_the_words_before_it() -> None:
    assert [(claim.kind, claim.text, claim.context, claim.aliases) for claim in found(CODED) if claim.kind is CODE] == [
        (CODE, "pip install x\n  # [E9] no mark", "Install it:", ("E1",)),
        (CODE, "indented\n\ncode", "Then:", ("E2",)),
        (CODE, "go", "Run", ()),
    ]
    assert [claim.own_marks for claim in found(CODED) if claim.kind is CODE] == [False, True, False]
    assert spans(CODED)[3] == "indented\n\n    code\n\n[E2]"
    assert cited("Run it.\n\n```\ngo\n```\n\n[E1]") == [("E1",)] * 2
    assert texts("```\n---\n```\n\n~~~\nunclosed") == ["unclosed"]


SECTIONS = """\
# Limits of *the* tiers

One [E1].

Second
======

**In bold**

Two [E2].

### `Deep` ###

> Three [E3].
>
> # Quoted
"""


def test_headings_cite_what_stands_under_them() -> None:
    headings = [claim for claim in found(SECTIONS, headings=True) if claim.kind is HEADING]
    assert [(claim.text, claim.aliases, claim.own_marks) for claim in headings] == [
        ("Limits of the tiers", ("E1",), False),
        ("Second", ("E2", "E3"), False),
        ("In bold", ("E2",), False),
        ("Deep", ("E3",), False),
        ("Quoted", (), False),
    ]
    assert [claim.section for claim in found(SECTIONS)] == ["Limits of the tiers", "In bold", "Deep"]
    assert [SECTIONS[claim.start : claim.end] for claim in headings][:3] == [
        "Limits of *the* tiers",
        "Second",
        "**In bold**",
    ]


@pytest.mark.parametrize(
    "bold", ["**A sentence ends.**", "**Cited [E1]**", "**Before:**", "- **An item**", f"**{'x' * 81}**"]
)
def test_bold_words_that_are_no_heading(bold: str) -> None:
    assert [claim.kind for claim in draft_claims(bold)] == [SENTENCE]


def test_context_is_what_was_read_before() -> None:
    assert [claim.context for claim in found("One. Two. Why?\n\nThree.\n\n# New\n\nFour.")] == ["", "One.", "Two.", ""]


@pytest.mark.parametrize(
    "nothing", ["", " \n\t\n", "---", "Why?\n\n## ?\n\n…", "[E1]", "| |\n|-|\n| |", "```\n\n```", "![words](x.png)"]
)
def test_what_states_nothing(nothing: str) -> None:
    assert draft_claims(nothing) == []


def test_the_hash_is_of_the_text() -> None:
    assert re.fullmatch("[0-9a-f]{64}", draft_hash("a"))
    assert draft_hash("a") != draft_hash("b")
