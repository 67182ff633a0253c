"""The parser that knows positions parses as markdown-it does, and finds marks and claims wherever they stand."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from experience.render import render_html
from experience.render.answer import answer_html, quoted_addresses
from state.addresses import address_key
from tests.experience.render_cases import TELEMETRY, Page, Said, built

PAGE = Page("T", "t.md", "It is so. It is not.")
QUOTE = "It is so."
OURS = re.compile(r'</?span(?: class="claim[^>]*)?>|</?div(?: class="claim[^>]*)?>')
REGION = re.compile(r' role="region" aria-label="(?:Table|Code)" tabindex="0"')
CITE = re.compile(r'<a class="cite"[^>]*>(\d)</a>')

PIECES = (
    *("word", " ", "**bold**", "*it*", "_u_", "`c[1]`", "[", "]", "(x)", "<b>", "&amp;", "\\", ":", "!", "\n"),
    *("\n\n- ", "\n\n> ", "\n\n## ", "\n\n1. ", "\n| a | b\\|c |", "\n\n|h|i|\n|---|---|\n|j|k|\n"),
    "\n\n```\ncode\n```\n\n",
)


def rendered(parts):
    return answer_html(built("q", {1: PAGE}, parts)).html


def said(markdown):
    return Said(markdown, {1: QUOTE})


@given(st.lists(st.sampled_from(PIECES), max_size=12), st.integers(0, 11), st.integers(0, 11))
def test_a_claim_anywhere_changes_nothing_but_the_elements_around_its_text(pieces, first, last):
    first, last = sorted((min(first, len(pieces)), min(last, len(pieces))))
    parts = ["".join(pieces[:first]), said("".join(pieces[first:last])), "".join(pieces[last:])]
    plain = MarkdownIt("commonmark", {"html": False}).enable("table").disable(["link", "image", "reference"])
    expected = plain.render("".join(pieces)).replace("&quot;", '"')
    assert shape(rendered(parts)) == shape(expected)


def shape(html):
    html = REGION.sub("", CITE.sub(r"[\1]", OURS.sub("", html)))
    html = html.replace(' dir="auto"', "").replace('<div class="wide">', "").replace("&quot;", '"')
    return re.sub(r"h[1-6]>", "h>", re.sub(r"\s+", "", html))


@pytest.mark.parametrize(
    ("before", "claim", "text"),
    [
        ("", "It is [1].", "It is."),
        ("", "**It** is [1]", "It is"),
        ("- a\n  - ", "It *is* [1]", "It is"),
        ("> quoted\n> ", "It is [1]", "It is"),
        ("|a|b|\n|---|---|\n", "| It | is\\|so [1] |", "Itis|so"),
        ("> |a|b|\n> |---|---|\n> ", "| It | is [1] |", "Itis"),
        ("1. ", "It\n   is [1]", "Itis"),
        ("", "It is, says `a[1]` [1]", "It is, says a[1]"),
        ("", "It is **so:**[1]", "It is so:"),
        ("", "It is (see there)[1](no link)", "It is (see there)(no link)"),
        ("## ", "It is [1]", "It is"),
        ("Ünï\U0001f600cöde. ", "It is [1]", "It is"),
        ("A line\r\nand ", "It is [1]", "It is"),
    ],
)
def test_a_claim_and_its_mark_are_found_in_every_block(before, claim, text):
    html = rendered([before, said(claim), "\n\nAfter."])
    assert len(CITE.findall(html)) == 1
    pieces = re.findall(r'<span class="claim" data-claim="0">(.*?)</span>', html)
    assert re.sub(r"<.*?>", "", "".join(pieces)).strip() == text
    assert "After." in html.rpartition("</span>")[2]


def test_marks_outside_of_claims_and_in_code_stay_text():
    html = rendered(["A list a[1], a note [1], an escaped \\[1]. ", said("It is `x[1]` [1]."), "\n\n    b[1]\n"])
    assert len(CITE.findall(html)) == 1
    assert html.count("[1]") == 5


def test_only_addresses_of_quotes_are_linked():
    carried = "https://opentelemetry.io/docs/specs/semconv/gen-ai/"
    quote = f"See {carried} for the names of attributes."
    hostile = (
        f" [a](https://evil.example/{carried}) <https://evil.example> [b](javascript:alert(1)) ![c]({carried})"
        f" [d]: {carried} [e](//evil.example) [f](#x) <a@evil.example> [g]({carried}?q=secret)\n\n[h]: {carried}\n\n[h]"
    )
    report = built("q", {1: TELEMETRY}, [Said(f"See [the names]({carried}) and <{carried}> [1].", {1: quote}), hostile])
    assert quoted_addresses(report) == {address_key(carried)}
    html = render_html(report)
    answer = html[html.index('id="answer"') : html.index('id="sources"')]
    links = re.findall(r'<a href="([^"]*)"([^>]*)>', answer)
    assert {address for address, _ in links} == {carried}
    assert len(links) == 3, "the third is the address of the image rule's literal `!`"
    assert all("noopener noreferrer" in rest for _, rest in links)
    assert "<img" not in html


def test_a_mark_inside_of_a_link_is_no_second_link():
    address = "https://x.example/a"
    page = Page("T", "t.md", f"It is so: {address}")
    report = built("q", {1: page}, [Said(f"[It is [1] so]({address}) [1]", {1: page.text})])
    html = answer_html(report).html
    assert len(CITE.findall(html)) == 1
    assert re.search(r'<a href="https://x.example/a"[^>]*>(?:(?!<a).)*1(?:(?!<a).)* so</span></a>', html)


def test_overlapping_claims_of_a_forged_report_are_shown_once():
    report = built("q", {1: PAGE}, [said("It is [1].")])
    twice = report.model_copy(update={"claims": (report.claims[0], report.claims[0].model_copy(update={"start": 1}))})
    assert len(CITE.findall(answer_html(twice).html)) == 1
