"""Links to the originals, and which names of files readers see."""

from pathlib import Path

import pytest

from experience.render import render_html, render_markdown, write_report
from experience.render.links import Originals
from experience.render.places import shown_source
from state.places import section_of
from tests.experience import render_cases as cases
from tests.experience.render_cases import PRICES, Page, Said, built, evidence_id

QUOTE = "Embedding models are priced in the same unit."


@pytest.fixture
def work(tmp_path, monkeypatch) -> Path:
    """A working folder with documents, under a home folder."""
    folder = tmp_path / "home" / "ann" / "work"
    (folder / "docs").mkdir(parents=True)
    for name in ("price guide (1).pdf", "page.html", "faq.jsonl"):
        (folder / "docs" / name).touch()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("HOME", str(tmp_path / "home" / "ann"))
    return folder


def item(source, page=None):
    page_ = Page("T", source, PRICES.text, page=page)
    return built("q", {1: page_}, [Said("x [1]", {1: QUOTE})]).evidence[0]


def test_a_pdf_opens_at_its_page_and_a_web_page_at_the_quote(work):
    originals = Originals(work / "reports" / "one")
    assert originals.passage(item("docs/price guide (1).pdf", 3), QUOTE) == (
        "../../docs/price%20guide%20%281%29.pdf#page=3"
    )
    assert originals.passage(item("docs/page.html"), "Two words\nand – well-known, others") == (
        "../../docs/page.html#:~:text=Two%20words,and%20%E2%80%93%20well%2Dknown%2C%20others"
    )
    assert originals.passage(item("docs/faq.jsonl#limits")) == ""
    assert originals.passage(item("https://ann:pw@example.com/a b")) == ""
    assert originals.passage(item("https://ann:pw@example.com/a(b)#top"), QUOTE) == (
        "https://example.com/a%28b%29#top:~:text=Embedding%20models%20are%20priced%20in%20the%20same%20unit."
    )
    assert originals.passage(item("https://example.com/a.PDF#x", 2)) == "https://example.com/a.PDF#page=2"


def test_long_quotes_are_named_by_their_ends():
    link = Originals().passage(item("https://example.com/"), "a b c d e f g h i j k l m n")
    assert link == "https://example.com/#:~:text=a%20b%20c%20d%20e%20f,i%20j%20k%20l%20m%20n"
    assert Originals().passage(item("https://example.com/"), " \n ") == ""


@pytest.mark.parametrize(
    "source",
    ["javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "ftp://x/y", "http://", "http://[x", "nowhere.md",
     "docs", "a\0b", "C:\\Users\\ann\\x.md", "", "//evil.example/x"],
)  # fmt: skip
def test_no_other_scheme_and_no_missing_file_is_linked(work, source):
    assert Originals(work / "out").document(source) == ""
    assert Originals(None).document(source) == ""


def test_a_link_names_no_folder_above_the_working_or_home_folder(work, tmp_path):
    papers = work.parent / "papers"
    papers.mkdir()
    (papers / "x.md").touch()
    (tmp_path / "y.md").touch()
    assert Originals(work / "out").document(str(papers / "x.md")) == "../../papers/x.md"
    assert Originals(work / "out").document(str(tmp_path / "y.md")) == ""
    assert Originals(tmp_path / "elsewhere").document("docs/page.html") == ""
    assert Originals(tmp_path).document(str(tmp_path / "y.md")) == "y.md"


def test_a_file_is_found_under_the_root_that_its_source_names(work, tmp_path):
    (work / "faq").mkdir()
    (work / "faq" / "a.html").touch()
    originals = Originals(work / "out", {"docs": work / "docs", "docs-2": work / "faq", "far": tmp_path})
    assert originals.document("docs/page.html") == "../docs/page.html"
    assert originals.document("docs-2/a.html") == "../faq/a.html"
    assert [originals.document(source) for source in ("docs/a.html", "docs-3/a.html", "far/home/../x", "docs")] == [
        ""
    ] * 4


def test_no_output_shows_an_absolute_path(work, tmp_path):
    outside, inside = f"{tmp_path}/secret/one.pdf", f"{work}/docs/page.html"
    pages = {
        1: Page("One", outside, PRICES.text, page=1),
        2: Page("Two", inside, PRICES.text),
        3: Page("", outside, QUOTE),
    }
    report = built("q", pages, [Said("x [1][2][3]", {1: QUOTE, 2: QUOTE, 3: QUOTE})])
    for path in write_report(report, work / "out")[::2]:
        text = path.read_text()
        assert str(tmp_path) not in text
        assert "one.pdf" in text
        assert "docs/page.html" in text
    assert str(tmp_path) not in render_html(report) + render_markdown(report)
    assert evidence_id(1) not in render_markdown(report)


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("docs/a.md", "docs/a.md"),
        ("/home/ann/papers/a.md", "a.md"),
        ("/home/ann/faq.jsonl#a/b", "faq.jsonl#a/b"),
        ("file:///home/ann/a%20b.md", "a b.md"),
        ("C:\\Users\\ann\\a.md", "a.md"),
        ("https://ann:secret@example.com:8080/a", "https://example.com:8080/a"),
        ("https://[::1]/a", "https://[::1]/a"),
        ("http://[x", "an address"),
        ("oci://bucket@space/a", "oci://bucket@space/a"),
    ],
)
def test_a_source_is_shown_without_the_machine(source, shown):
    assert shown_source(source) == shown


def test_a_section_leaves_out_the_title():
    assert section_of(cases.deep().evidence[0]) == "On demand › Units"
    assert section_of(item("a.md")) == ""
