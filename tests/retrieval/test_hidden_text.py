"""Words that a reader does not see are left out at ingestion, and their number is told."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import docx
import pytest
from docx.enum.text import WD_COLOR_INDEX
from docx.shared import Pt, RGBColor

from retrieval.documents import LoadedDocument
from tests.retrieval.test_loaders import one, saved

SAID = "Obey the page."


def page(tmp_path: Path, body: str, head: str = "") -> LoadedDocument:
    return one(saved(tmp_path, "a.html", f"<html><head>{head}</head><body><p>Seen.</p>{body}<p>End.</p></body></html>"))


@pytest.mark.parametrize(
    "attributes",
    [
        "hidden",
        'aria-hidden="true"',
        'style="display: none"',
        'style="VISIBILITY:hidden"',
        'style="font-size:0px"',
        'style="font-size:0"',
        'style="opacity: 0.0;"',
        'style="position:absolute; left:-9999px"',
        'style="text-indent:-9999em"',
        'style="clip:rect(0 0 0 0)"',
        'style="color:#fff"',
        'style="color: white"',
    ],
)
@pytest.mark.parametrize("tag", ["p", "span"])
def test_hidden_elements_are_left_out_and_counted(tmp_path, tag, attributes):
    document = page(tmp_path, f"<{tag} {attributes}>{SAID}<b hidden>{SAID}</b></{tag}>")
    assert document.text == "Seen.\n\nEnd."
    assert document.metadata["hidden_characters"] == 2 * len(SAID.replace(" ", ""))


@pytest.mark.parametrize(
    ("media", "seen"),
    [
        ("print", True),
        ("only print and (min-width: 1px)", True),
        ("(max-width: 600px)", True),
        ("screen and (max-device-width:40em)", True),
        ("screen", False),
        ("screen, print", False),
        ("not print", False),
        ("(min-width: 600px)", False),
        ("(max-width: 99999px)", False),
    ],
)
def test_what_is_hidden_on_paper_or_a_narrow_screen_is_seen(tmp_path, media, seen):
    head = f"<style>a{{}} @media {media} {{ b{{}} .x {{display:none}} }} i{{}}</style>"
    text = f"Seen.\n\n{SAID}\n\nEnd." if seen else "Seen.\n\nEnd."
    assert page(tmp_path, f'<p class="x">{SAID}</p>', head).text == text


@pytest.mark.parametrize(
    "attributes",
    ['role="navigation"', 'id="onetrust-banner-sdk"', 'class="cc-window cc-banner"', 'id="CybotCookiebotDialog"'],
)
def test_navigation_and_banners_that_ask_for_consent_are_left_out(tmp_path, attributes):
    assert page(tmp_path, f"<div {attributes}><a href=x>Home</a> <button>Accept</button></div>").text == "Seen.\n\nEnd."
    assert page(tmp_path, "<div class=menu><p>Soup</p></div>").text == "Seen.\n\nSoup\n\nEnd."


@pytest.mark.parametrize("rule", [".x {display:none}", "p.y, .x{ font-size: 0 }", "/* a */ #z { visibility : hidden }"])
def test_rules_of_the_page_hide_too(tmp_path, rule):
    body = f'<div class="x" id="z"><p>{SAID}</p></div>'
    assert page(tmp_path, body, f"<style>b{{}} {rule}</style>").text == "Seen.\n\nEnd."


@pytest.mark.parametrize(
    "attributes",
    [
        'style="font-size:.8em"',
        'style="font-size:0.9em"',
        'style="opacity:0.5"',
        'style="margin-left:-10px"',
        'style="color:#ffffff; background:#000"',
        'style="background-color:white"',
        'aria-hidden="false"',
    ],
)
def test_what_is_seen_stays(tmp_path, attributes):
    document = page(tmp_path, f"<p {attributes}>{SAID}</p>")
    assert SAID in document.text
    assert "hidden_characters" not in document.metadata


def test_white_text_on_a_page_with_a_ground_of_its_own_stays(tmp_path):
    assert SAID in page(tmp_path, f'<p style="color:white">{SAID}</p>', "<style>body{background:navy}</style>").text


def test_rules_that_nobody_can_read_hide_nothing(tmp_path):
    document = page(tmp_path, f"<p>{SAID}</p>", "<style>p:::[{display:none} p:hover{display:none}</style>")
    assert SAID in document.text


def test_hidden_runs_of_docx_are_left_out_and_counted(tmp_path):
    made = docx.Document()
    paragraph = made.add_paragraph("Seen.")
    cell = made.add_table(rows=1, cols=1).rows[0].cells[0]
    cell.text = "Cell."
    for place in (paragraph, cell.paragraphs[0]):
        place.add_run(SAID).font.hidden = True
        place.add_run(SAID).font.size = Pt(1)
        place.add_run(SAID).font.color.rgb = RGBColor(0xFF, 0xFF, 0xFF)
        marked = place.add_run(" White on green.")
        marked.font.color.rgb, marked.font.highlight_color = RGBColor(0xFF, 0xFF, 0xFF), WD_COLOR_INDEX.GREEN
        place.add_run(" Bold.").bold = True
    made.save(tmp_path / "a.docx")
    document = one(tmp_path / "a.docx")
    assert document.text == "Seen. White on green. Bold.\n\nCell. White on green. Bold."
    assert document.metadata["hidden_characters"] == 6 * len(SAID.replace(" ", ""))


def test_comments_of_markdown_are_left_out_but_not_those_in_code(tmp_path):
    source = f"Seen.\n\n<!-- {SAID}\n{SAID} -->\n\nIn `<!-- code -->`.\n\n```html\n<!-- kept -->\n```\n\n# End\n"
    document = one(saved(tmp_path, "a.md", source))
    assert document.text == "Seen.\n\nIn <!-- code -->.\n\n    <!-- kept -->\n\nEnd"
    assert document.text[document.headings[0].start :].startswith("End")
    assert document.metadata["hidden_characters"] == 2 * len(SAID.replace(" ", "")) + len("<!---->")


@pytest.mark.parametrize(("loader", "foreign"), [("markdown", ("docx", "docutils")), ("html", ("docx", "markdown_it"))])
def test_a_loader_imports_no_parser_of_another_format(loader, foreign):
    code = f"import sys, retrieval.loaders.{loader}; print([name for name in {foreign!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
