"""What is published of a draft: failed claims cut, the rest repaired and otherwise as it was."""

from __future__ import annotations

import pytest

from nodes.draft import Kept, Published, draft_claims, prepared_draft, publish_draft
from nodes.draft.publish import literal, spellings


def published(markdown: str, *failed: str, unverified: bool = False, addresses: tuple[str, ...] = ()) -> Published:
    """Publish `markdown` without the claims whose text holds a word of `failed`."""
    draft = prepared_draft(markdown)
    assert draft == markdown, "tests of publishing write drafts that need no preparation"
    kept = {
        (claim.start, claim.end): Kept(claim.aliases, unverified=unverified, addresses=frozenset(addresses))
        for claim in draft_claims(draft)
        if not any(word in claim.text for word in failed)
    }
    return publish_draft(draft, kept)


PARAGRAPHS = [
    # Sentences of a paragraph
    ("One [E1]. No [E2]. Two [E3].", "One [1]. Two [2]."),
    ("No [E1]. One.[E2]\nTwo [E3].", "One.[1]\nTwo [2]."),
    ("One [E1].\nNo. [E2]\nTwo. [E3]", "One [1].\nTwo. [2]"),
    ("One [E1].  \nNo. [E2]\\\nTwo. [E3]", "One [1].  \nTwo. [2]"),
    ("One [E1]. No one [E2].", "One [1]."),
    ("一つ。[E1]No。[E2]二つ。[E3]", "一つ。[1]二つ。[2]"),
    ("One [E1]. Is it so? Two [E1].", "One [1]. Two [1]."),
    ("Why? [E1]\n\nOne [E1]. … [E2]", "One [1]."),
    # Emphasis around what is cut, and around more than that
    ("**One [E1]. No [E2].** Two [E3].", "**One [1].** Two [2]."),
    ("**No [E1]. One [E2].** Two [E3].", "**One [1].** Two [2]."),
    ("**No [E1]. No [E2].** Two [E3].", "Two [1]."),
    ("*One [E1]. **No [E2].** Two [E3].*", "*One [1]. Two [2].*"),
    ("***No [E1].** One [E2].*", "*One [1].*"),
    ("[One. No](https://x.example) [E1]. Two [E2].", "Two [1]."),
    # A line that begins a line only after the cut
    ("No [E1]. # is a sign [E2].", "\\# is a sign [1]."),
    ("No [E1]. - is a sign [E2].", "\\- is a sign [1]."),
    ("No such [E1]. 2019. Then more [E2].", "2019\\. Then more [1]."),
    ("No [E1].\n> 5 is so [E2].", "> 5 is so [1]."),
    ("No [E1]. --- [E2]", ""),
]


@pytest.mark.parametrize(("draft", "text"), PARAGRAPHS)
def test_paragraphs_without_the_sentences_that_failed(draft: str, text: str) -> None:
    assert published(draft, "No").markdown == text


MARKS = [
    ("It is [E1, E2] so [E2] and [E1]. And [E3; E1].", "It is [1][2] so and. And [3][1]."),
    ("It is so.[^E1] So 【E2】 it is.", "It is so.[1] So [2] it is."),
    ("[E1] It is so.", "[1] It is so."),
    ("One. Two! Three: [E1]", "One [1]. Two [1]! Three: [1]"),
    ("One. Two… Three [E1].", "One [1]. Two [1]… Three [1]."),
    ("The limits are:\n\n- one [E1]\n- two [E2]", "The limits are [1][2]:\n\n- one [1]\n- two [2]"),
    ("Les limites sont :\n\n- une [E1]", "Les limites sont [1] :\n\n- une [1]"),
    ("**One.** *Two* (three.) “Four.” Five [E1]", "**One [1].** *Two* (three.) [1] “Four.” [1] Five [1]"),
    ("一つ。二つ。[E1]", "一つ[1]。二つ。[1]"),
    ("One\n\n[E1] [E2]", "One [1][2]"),
    ("# One\n\nTwo [E2]. Three [E1].", "# One\n\nTwo [1]. Three [2]."),
    ("## One [E1] ##\n\nTwo [E2].", "## One ##\n\nTwo [1]."),
]


@pytest.mark.parametrize(("draft", "text"), MARKS)
def test_marks_become_numbers_where_they_stand_and_inherited_ones_go_before_the_stop(draft: str, text: str) -> None:
    assert published(draft).markdown == text


def test_only_what_carries_a_claim_is_cited() -> None:
    draft = "It is so [E1, E2] and so [E3]. It is [E2]."
    result = publish_draft(draft, {(0, 30): Kept(("E2",)), (31, 42): Kept(("E2", "E4"))})
    assert result.markdown == "It is so [1] and so. It is [1] [2]."
    assert result.numbers == {"E2": 1, "E4": 2}
    assert result.spans == {(0, 30): (0, 20), (31, 42): (21, 35)}


LISTS = [
    ("- one [E1]\n- No [E2]\n- two [E3]", "- one [1]\n- two [2]"),
    ("* one [E1]\n\n* No [E2]\n\n* two [E3]", "* one [1]\n\n* two [2]"),
    ("3) one [E1]\n4) No [E2]\n5) two [E3]", "3) one [1]\n4) two [2]"),
    ("1. one [E1]\n1. No [E2]\n1. two [E3]", "1. one [1]\n1. two [2]"),
    (
        "9. No [E1]\n10. one [E2]\n    - more [E2]\n\n    and more [E2]",
        "9. one [1]\n   - more [1]\n\n   and more [1]",
    ),
    # An item that lost its text
    (
        "- No [E1]\n  - one\n    two [E2]\n  - three [E3]\n- four [E4]",
        "- one\n  two [1]\n- three [2]\n- four [3]",
    ),
    ("1. No [E1]\n   - one [E2]\n2. two [E3]", "1. one [1]\n2. two [2]"),
    ("- No [E1]\n  1. No [E1]\n     * one [E2]", "- one [1]"),
    ("- No [E1]\n\n  one [E2]\n- two [E2]", "- one [1]\n- two [1]"),
    ("- one [E1]. No [E2].\n  Two [E3].\n- No", "- one [1].\n  Two [2]."),
    ("- No [E1]\n  > one [E2]", "- > one [1]"),
    ("- [ ] No [E1]. One [E2].\n- [x] No [E3]", "- [ ] One [1]."),
    # What introduces a list goes with it
    ("It is so [E2]. These are [E1]:\n\n- No [E1]\n- No [E2]\n\nTwo [E3].", "It is so [1].\n\nTwo [2]."),
    ("- These are:\n  - No [E1]\n- two [E2]", "- two [1]"),
    ("No [E1]:\n\n- one [E2]", "- one [1]"),
    # Lists that meet
    ("1. one [E1]\n\nNo [E1].\n\n1. two [E2]", "1. one [1]\n\n1) two [2]"),
    ("- one [E1]\n\nNo [E1].\n\n- two [E2]", "- one [1]\n\n* two [2]"),
    ("- one [E1]\n\nNo [E1].\n\n* two [E2]", "- one [1]\n\n* two [2]"),
    ("> - one [E1]\n> - No [E1]\n> - two\n>   [E2]\n\n> No", "> - one [1]\n> - two\n>   [2]"),
    ("-\n  one [E1]\n-\n  No [E1]\n\n  two [E2]", "-\n  one [1]\n- two [2]"),
]


@pytest.mark.parametrize(("draft", "text"), LISTS)
def test_lists_without_the_items_that_failed(draft: str, text: str) -> None:
    assert published(draft, "No").markdown == text


TABLES = [
    (
        (
            "Before [E1]:\n\n| a | b |\n|:--|--:|\n| one [E1] | x |\n| No [E2] | y |\n| *two* | z \\| [E3] |\n\n"
            "After [E1]."
        ),
        "Before [1]:\n\n| a | b |\n|:--|--:|\n| one [1] | x |\n| *two* | z \\| [2] |\n\nAfter [1].",
    ),
    ("Before [E1]:\n\na | b\n--|--\nNo | x [E1]\n\nAfter [E1].", "After [1]."),
    ("a | b\n--|--\none | x\nNo | y\n\n[E1] [E2]", "a | b\n--|--\none | x [1][2]"),
    ("- No [E1]\n\n  | a |\n  |---|\n  | one [E1] |\n  | No |", "- | a |\n  |---|\n  | one [1] |"),
    ("| a | b | c |\n|---|---|---|\n| one | | |\n\n[E1]", "| a | b | c |\n|---|---|---|\n| one [1] | | |"),
]


@pytest.mark.parametrize(("draft", "text"), TABLES)
def test_tables_without_the_rows_that_failed(draft: str, text: str) -> None:
    assert published(draft, "No").markdown == text


CODE = [
    ("Run [E1]:\n\n```sh\ngo\n```\n\n[E2]\n\nDone [E1].", "Run [1]:\n\n```sh\ngo\n```\n\n[2]\n\nDone [1]."),
    ("Run [E1]:\n\n```sh\nNo\n```\n\n[E2]\n\nDone [E1].", "Done [1]."),
    ("Run [E1]:\n\n```\ngo [E9]\n```", "Run [1]:\n\n```\ngo [E9]\n```\n\n[1]"),
    ("Run it [E1].\n\n    go\n\n    on\n\nNo [E1].", "Run it [1].\n\n    go\n\n    on\n\n[1]"),
    ("1. Run [E1]:\n   ```\n   go\n   ```\n2. No", "1. Run [1]:\n   ```\n   go\n   ```\n   [1]"),
    ("- one [E1]\n\nNo [E1].\n\n    go ``` on\n\n[E1]", "- one [1]\n\n````\ngo ``` on\n````\n\n[1]"),
]


@pytest.mark.parametrize(("draft", "text"), CODE)
def test_code_stands_as_it_was_or_goes_with_its_marks(draft: str, text: str) -> None:
    assert published(draft, "No").markdown == text


SECTIONS = [
    ("# A\n\n## B\n\nNo [E1].\n\n## C\n\nOne [E1].\n\n# D\n\n### E\n\nNo", "# A\n\n## C\n\nOne [1]."),
    (
        "# No\n\nOne [E1].\n\nB\n---\n\nTwo [E1].\n\n**No more**\n\nThree [E1].",
        "One [1].\n\nB\n---\n\nTwo [1].\n\nThree [1].",
    ),
    ("**A**\n\nNo [E1].\n\n**B**\n\nOne [E1].", "**B**\n\nOne [1]."),
    ("# A\nOne [E1].\n## B\nNo [E1].\n## C\nTwo [E1].", "# A\nOne [1].\n\n## C\nTwo [1]."),
    ("No [E1].\n\n---\n\nOne [E1].\n\n***\n\nNo\n\n---\n\nTwo [E1].\n\n---", "One [1].\n\n***\n\nTwo [1]."),
    ("One [E1].\n\n\n\nTwo [E1].\n\n---", "One [1].\n\n\n\nTwo [1].\n\n---"),
    ("One [E1].\n\n\n\nNo [E1].\n\n\n\nTwo [E1].", "One [1].\n\nTwo [1]."),
    ("> # A\n>\n> No [E1].\n\n> One [E1]. No\n> two no more [E1].", "> One [1]."),
    ("# Only a title", ""),
    ("No", ""),
    ("", ""),
]


@pytest.mark.parametrize(("draft", "text"), SECTIONS)
def test_a_section_that_lost_everything_goes_and_levels_stay(draft: str, text: str) -> None:
    assert published(draft, "No").markdown == text


UNVERIFIED = [
    ("One. [E1] Two [E2].", "One. [1] *(unverified)* Two [2]. *(unverified)*"),
    (
        "**One [E1]. Two [E2].** Three[E3].",
        "**One [1]. *(unverified)* Two [2]. *(unverified)*** Three[3]. *(unverified)*",
    ),
    ("一つ。[E1]二つ。[E2]", "一つ。[1] *(unverified)* 二つ。[2] *(unverified)*"),
    ("These [E1]:\n\n- one [E1]", "These [1]: *(unverified)*\n\n- one [1] *(unverified)*"),
    ("| a | b |\n|---|---|\n| one | x [E1] |", "| a | b |\n|---|---|\n| one | x [1] *(unverified)* |"),
    ("```\ngo\n```\n[E1]", "```\ngo\n```\n[1] *(unverified)*"),
]


@pytest.mark.parametrize(("draft", "text"), UNVERIFIED)
def test_an_unverified_claim_says_so_behind_its_span(draft: str, text: str) -> None:
    result = published(draft, unverified=True)
    assert result.markdown == text
    headers = [span for span in result.spans.values() if text[slice(*span)] == "| a | b |"]
    assert len(result.spans) - len(headers) == text.count("*(unverified)*")
    for start, end in result.spans.values():
        assert "unverified" not in text[start:end] or text[start] == "|"


LINKED = "See [the page](https://x.example/a), <https://x.example/b> or https://x.example/c [E1]."
NAMED = ("x.example/a", "x.example/b", "x.example/c")


@pytest.mark.parametrize(
    ("addresses", "text"),
    [
        (NAMED, "See [the page](https://x.example/a), <https://x.example/b> or https://x.example/c [1]."),
        (NAMED[:1], "See [the page](https://x.example/a), `https://x.example/b` or `https://x.example/c` [1]."),
        (NAMED[1:2], "See the page, <https://x.example/b> or `https://x.example/c` [1]."),
        (("x.example",), "See the page, `https://x.example/b` or `https://x.example/c` [1]."),
        ((), "See the page, `https://x.example/b` or `https://x.example/c` [1]."),
    ],
)
def test_only_addresses_that_the_claim_may_hold_can_be_clicked(addresses: tuple[str, ...], text: str) -> None:
    assert published(LINKED, addresses=addresses).markdown == text


@pytest.mark.parametrize(
    ("draft", "text"),
    [
        ("[https://y.example](https://x.example/a) [E1]", "`https://y.example` [1]"),
        ("[https://x.example/a](https://x.example/a) [E1]", "[https://x.example/a](https://x.example/a) [1]"),
        (
            "Mail a.b@y.example or www.y.example/x_y_z, evil.com! [E1]",
            "Mail `a.b@y.example` or `www.y.example/x_y_z`, `evil.com`! [1]",
        ),
        ("Go to https\\://y.example/*a*b [E1]", "Go to `https://y.example/ab` [1]"),
        ("Go to `https://y.example` [E1]", "Go to `https://y.example` [1]"),
        ("# At https://y.example\n\nOne [E1].", "# At `https://y.example`\n\nOne [1]."),
        ("| https://y.example |\n|---|\n| one [E1] |", "| `https://y.example` |\n|---|\n| one [1] |"),
    ],
)
def test_addresses_that_nobody_named_are_code(draft: str, text: str) -> None:
    assert published(draft, addresses=("x.example/a",)).markdown == text


def test_a_number_at_the_beginning_of_a_line_defines_nothing() -> None:
    draft = "One [E2].\n\n[E1][E2]: https://x.example"
    assert draft == prepared_draft(draft)
    spans = [(claim.start, claim.end) for claim in draft_claims(draft)]
    result = publish_draft(draft, dict.fromkeys(spans, Kept(("E2",))))
    assert result.markdown == "One [1].\n\n[1]\\: `https://x.example`"


def test_a_claim_without_a_citation_is_not_published() -> None:
    assert publish_draft("One. Two [E1].", {(0, 4): Kept(), (5, 14): Kept(("E1",))}).markdown == "Two [1]."
    assert publish_draft("One [E1].", {(0, 8): Kept(("E1",))}).markdown == ""


def test_text_whose_markup_does_not_survive_is_published_without_it() -> None:
    draft = "https://x.example/a`[` [E1]."
    result = published(draft)
    assert result.markdown == "`https://x.example/a`\\[\\. [1]".replace("\\. [1]", " [1]\\.")
    assert [*result.spans.values()] == [(0, len(result.markdown))]


def test_a_draft_that_was_not_prepared_is_published_as_safely() -> None:
    draft = "<b>One</b> ![x](y.png) [a](javascript:x) [1] [E1]. <script>"
    claims = draft_claims(draft)
    result = publish_draft(draft, {(claim.start, claim.end): Kept(("E1",)) for claim in claims})
    assert "<" not in result.markdown
    assert "![" not in result.markdown
    assert "](" not in result.markdown


@pytest.mark.parametrize(
    "text", ["Sixty a minute.", "1. Sixty", "# a *b* `c`", "<b> & [x](y)", "a\n b", "[1]", "x_y_z 5*3*2"]
)
def test_a_literal_shows_its_text(text: str) -> None:
    line = literal(text)
    assert draft_claims(f"{line} [E1]")[0].text == " ".join(text.split()).replace("[1]", "⟦1⟧") or text == "[1]"
    assert literal("Sixty a minute.") == "Sixty a minute."


def test_the_ways_to_write_a_part_of_a_draft() -> None:
    assert {"a **b.c**", "a b.c", "a b\\.c"} <= spellings("a **b.c**")
