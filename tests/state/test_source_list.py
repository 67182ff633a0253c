"""The list of sources in a thread's message."""

from state.source_list import with_sources
from tests.experience.render_cases import PRICES, Page, Said, abstention, built, deep

QUOTE = "Embedding models are priced in the same unit."


def test_the_message_of_a_run_ends_with_a_line_for_each_number():
    text = with_sources(deep())
    assert text.startswith(deep().markdown.rstrip())
    assert text.partition("## Sources\n\n")[2].splitlines() == [
        "- [1] Price guide, On demand › Units, page 1",
        "- [2] Price guide, Dedicated clusters, pages 3 to 4",
        "- [3] Budgets and alerts, When a request is refused",
        "- [4] Telemetry, Spans",
    ]
    assert with_sources(abstention()) == abstention().markdown


def test_a_title_is_no_markup_and_no_path():
    titles = ("[x](http://x.example) <b>", "/home/ann/secret/prices.pdf", "")
    pages = {n: Page(title, f"s{n}.md", PRICES.text) for n, title in enumerate(titles, 1)}
    report = built("q", pages, [Said("x [1][2][3]", dict.fromkeys(pages, QUOTE))])
    assert with_sources(report).splitlines()[-3:] == [
        "- [1] \\[x\\](`http://x.example)` &lt;b>",
        "- [2] prices.pdf",
        "- [3] a document",
    ]
