"""Whatever is drafted and whatever fails: the published text is the draft without what failed, and nothing else."""

from __future__ import annotations

import itertools
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from nodes.draft import DraftClaim, Kept, PlainText, Published, draft_claims, prepared_draft, publish_draft
from nodes.draft.assemble import Assembly
from nodes.draft.choice import chosen
from nodes.draft.claims import read_draft
from nodes.draft.publish import _without_borders
from state.addresses import address_key
from state.citation_marks import REPORT_MARK
from state.values import ClaimKind
from tests.nodes.draft.drafts import drafts, lines_of

NAMED = frozenset({"x.example/a", "x.example/b"})
generated = settings(max_examples=settings.default.max_examples * 3 // 2)


def kept_of(claims: list[DraftClaim], *, without: frozenset[int] = frozenset(), **more) -> dict[tuple[int, int], Kept]:
    return {
        (claim.start, claim.end): Kept(claim.aliases or ("E9",), **more)
        for n, claim in enumerate(claims)
        if n not in without
    }


def checked(published: Published, claims: list[DraftClaim]) -> list[DraftClaim]:
    """Return the published claims after checking that each span shows its claim and all numbers stand in spans."""
    text = PlainText(published.markdown)
    shown = [claim for claim in claims if (claim.start, claim.end) in published.spans]
    places = [published.spans[claim.start, claim.end] for claim in shown]
    assert [text.of(*place) for place in places] == [claim.text for claim in shown]
    assert places == sorted(places)
    assert all(one[1] <= two[0] for one, two in itertools.pairwise(places))
    marks = [mark for place in places for mark in text.marks(*place)]
    assert marks == text.marks(0, len(published.markdown))
    numbers = [number for _, _, number in marks]
    assert [*dict.fromkeys(numbers)] == sorted(set(numbers)) == sorted(published.numbers.values())
    assert not [*text.outside(places)]
    return shown


@generated
@given(drafts(questions=False))
def test_a_draft_with_nothing_to_remove_comes_out_as_it_went_in_but_for_numbers(written: str) -> None:
    draft = prepared_draft(written)
    claims = draft_claims(draft)
    published = publish_draft(draft, kept_of(claims, addresses=NAMED | {"x.example"}))
    assert checked(published, claims) == claims
    unlinked = re.sub(r"`(https://x\.example/w[^`]*)`", r"\1", published.markdown)
    assert [*lines_of(unlinked)] == [*lines_of(draft)]


@generated
@given(drafts(), st.data())
def test_whatever_is_cut_leaves_no_word_and_the_rest_is_found_again(written: str, data: st.DataObject) -> None:
    draft = prepared_draft(written)
    claims = draft_claims(draft)
    failed = data.draw(st.frozensets(st.integers(0, max(len(claims) - 1, 0))))
    kept = kept_of(claims, without=failed, addresses=NAMED)
    published = publish_draft(draft, kept)
    shown = checked(published, claims)
    words = set(re.findall(r"[Ww]ord\d+x", " ".join(claim.text for claim in shown)))
    assert set(re.findall(r"[Ww]ord\d+x", published.markdown)) == words
    again = read_draft(published.markdown, REPORT_MARK).claims
    assert [(claim.kind, claim.text) for claim in again] == [(claim.kind, claim.text) for claim in shown]
    # At the first attempt: none of these drafts has to be written without its markup.
    first, _ = _without_borders(Assembly(chosen(read_draft(draft), kept)).text())
    assert published.markdown == first


@generated
@given(drafts())
def test_claims_that_nobody_verified_are_all_there_and_all_say_so(written: str) -> None:
    draft = prepared_draft(written)
    claims = draft_claims(draft)
    published = publish_draft(draft, kept_of(claims, unverified=True))
    checked(published, claims)
    shown = [claim.kind for claim in claims if (claim.start, claim.end) in published.spans]
    assert published.markdown.count("*(unverified)*") == sum(kind is not ClaimKind.HEADER for kind in shown)


PIECES = [
    "[",
    "]",
    "(",
    ")",
    "!",
    "<",
    ">",
    "`",
    "``",
    "```",
    "~~~",
    "*",
    "**",
    "_",
    "~~",
    "\\",
    "&",
    "|",
    "-",
    "+",
    "#",
    "?",
    ":",
    '"',
    "'",
    ";",
    "{",
    "}",
    "$",
    "^",
    "=",
    "%",
    "[]",
    "](",
    "![",
    "&lt;",
    "&#91;",
    "&#x60;",
    "&#x202e;",
    "[E1]",
    "[E2,E3]",
    "[^E1]:",
    "[E1]:",
    "[a]:",
    "[1]",
    "[x](http://evil.example)",
    "![i](http://evil.example/i.png)",
    "](http://evil.example)",
    "<b>",
    "</b>",
    "<script>",
    "<!--",
    "-->",
    "<http://evil.example>",
    "<javascript:x>",
    "http://evil.example/a_b",
    "www.evil.com",
    "evil.com/x",
    "evil@evil.com",
    "javascript:alert(1)",
    "word",
    "Word.",
    "数。",
    "[x](javascript:alert(1))",
    "[E1](http://evil.example)",
    "<br>",
    "*(unverified)*",
]
SPACES = [
    "\n",
    "\n\n",
    " ",
    "  ",
    "    ",
    "\t",
    "- ",
    "* ",
    "1. ",
    "2) ",
    "# ",
    "## ",
    "> ",
    "---",
    "===",
    "***",
    "[ ] ",
]
MORE = ["|-|-|", "| a | b |", "|a|\n|-|\n|b [E1]|", "two words", "so. That", "\u202e", "\ue000", "\ue001", "\r\n", "\0"]
hostile = st.lists(st.sampled_from(PIECES + SPACES + MORE), max_size=30).map("".join)


class Seen(HTMLParser):
    """The elements and addresses of an HTML page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.links: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links.update(value or "" for name, value in attrs if name in ("href", "src"))

    def handle_comment(self, data: str) -> None:
        self.tags.add("comment")

    def handle_decl(self, decl: str) -> None:
        self.tags.add("declaration")

    def handle_pi(self, data: str) -> None:
        self.tags.add("instruction")


_TAGS = "a code pre p em strong s ul ol li blockquote h1 h2 h3 h4 h5 h6 hr br table thead tbody tr th td"
SAFE_TAGS = frozenset(_TAGS.split())
CLIENTS = {
    "CommonMark": MarkdownIt("commonmark", {"html": True}),
    "GitHub": MarkdownIt("gfm-like", {"html": True, "linkify": True}),
}


def assert_harmless(markdown: str, named: frozenset[str] = frozenset()) -> None:
    """Assert that no client makes an image, an element or a link of it that nobody named."""
    for name, client in CLIENTS.items():
        seen = Seen(client.render(markdown))
        assert seen.tags <= SAFE_TAGS, (name, markdown)
        assert {address_key(link) for link in seen.links} <= named, (name, markdown)


@settings(max_examples=settings.default.max_examples * 3)
@given(hostile, st.data())
def test_nothing_hostile_raises_or_leaves(written: str, data: st.DataObject) -> None:
    draft = prepared_draft(written)
    assert prepared_draft(draft) == draft
    claims = draft_claims(draft)
    assert all(0 <= claim.start < claim.end <= len(draft) for claim in claims)
    failed = data.draw(st.frozensets(st.integers(0, max(len(claims) - 1, 0))))
    published = publish_draft(draft, kept_of(claims, without=failed, unverified=data.draw(st.booleans())))
    checked(published, claims)
    assert_harmless(published.markdown)
    raw = draft_claims(written)
    assert_harmless(publish_draft(written, kept_of(raw)).markdown)


LONG = {
    "brackets": "[" * 20_000,
    "images": "![" * 10_000,
    "images in images": "!" * 5_000 + "![x](y)" * 2_000,
    "emphasis": "*a " * 7_000,
    "quotes": "> " * 10_000 + "a",
    "items": "- " * 10_000 + "a",
    "deep items": "\n".join("  " * n + "- a [E1]." for n in range(150)),
    "backticks": "`a" * 10_000,
    "an unclosed fence": "```\n" + "a\n" * 10_000,
    "marks": "[E1]" * 5_000,
    "marks on lines": "\n[E1]" * 4_000,
    "sentences": "It is so. " * 2_000,
    "forty sections": "".join(f"# Section {n}\n\nOne [E{n}]. Two [E{n}].\n\n- a [E{n}]\n\n" for n in range(40)),
    "rows": "| a | b |\n|-|-|\n" + "| a | b [E1] |\n" * 1_000,
    "columns": "|a" * 2_000 + "\n" + "|-" * 2_000 + "\n" + "|a" * 2_000,
    "definitions": "[a]: b\n" * 2_000,
    "headings": "# a\n## b\n" * 1_500,
    "entities": "&amp;" * 4_000,
    "one word": "a" * 20_000,
}


@pytest.mark.parametrize("text", LONG.values(), ids=LONG)
def test_long_and_odd_drafts_take_their_time_and_end(text: str) -> None:
    draft = prepared_draft(text)
    claims = draft_claims(draft)
    published = publish_draft(draft, kept_of(claims, without=frozenset(range(0, len(claims), 3))))
    checked(published, claims)
    assert len(published.markdown) <= 3 * len(text) + 100
