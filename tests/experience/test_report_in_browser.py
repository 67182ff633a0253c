"""The report in a real browser: its one script runs under its own policy, and a print shows what matters."""

import shutil
import subprocess

import pypdfium2
import pytest
from selectolax.lexbor import LexborHTMLParser

from experience.render import write_report
from tests.experience import render_cases as cases

CHROMIUM = shutil.which("chromium")

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="needs the command `chromium`")]


def chromium(folder, *arguments):
    profile = f"--user-data-dir={folder / 'profile'}"
    command = [
        CHROMIUM,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        profile,
        *arguments,
        (folder / "report.html").as_uri(),
    ]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=True).stdout


def test_the_script_runs_under_the_policy_of_the_page(tmp_path):
    write_report(cases.deep(), tmp_path)
    page = LexborHTMLParser(chromium(tmp_path, "--dump-dom"))
    assert "hidden" not in page.css_first("#copy").attributes
    assert [button.attributes["aria-label"] for button in page.css(".block button")] == ["Copy the code"]
    assert {cite.attributes["aria-expanded"] for cite in page.css("a.cite")} == {"false"}


def test_a_print_has_the_answer_its_sources_and_its_provenance_but_no_buttons(tmp_path):
    write_report(cases.deep(), tmp_path)
    printed = tmp_path / "report.pdf"
    chromium(tmp_path, "--no-pdf-header-footer", f"--print-to-pdf={printed}")
    document = pypdfium2.PdfDocument(printed)
    text = " ".join(" ".join(page.get_textpage().get_text_range() for page in document).split())
    quoted = ("Dedicated clusters · pages 3 to 4", "Alerts go out at 50, 75, 90 and 100 percent.")
    for part in ("All 11 statements are supported", "[3]", *quoted, "What was left out", "prompt 1f0c99ab"):
        assert part in text
    assert "Copy" not in text
    assert "Passage in full" not in text


def test_provenance_begins_no_page_of_its_own(tmp_path):
    timings = {f"node_{n}": n for n in range(90)}  # more than fits under the sources
    write_report(cases.paraphrase().model_copy(update={"timings_ms": timings}), tmp_path)
    printed = tmp_path / "report.pdf"
    chromium(tmp_path, "--no-pdf-header-footer", f"--print-to-pdf={printed}")
    # Without white space: the text of a block that pages divide has some between its characters.
    first, *others = ["".join(page.get_textpage().get_text_range().split()) for page in pypdfium2.PdfDocument(printed)]
    assert "Howthisreportwasmade" in first
    assert "node_89" in "".join(others)
