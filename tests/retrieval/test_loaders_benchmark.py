"""`python -m benchmarks.loaders` compares the text of files with what is expected of them."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import docx
import pytest

from benchmarks.loaders import _html_text, main, measured, summary, words


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder of three files, one of them with an expected text that has two words more."""
    (tmp_path / "expected_outputs").mkdir()
    (tmp_path / "expected_outputs" / "a.md").write_text(
        "# One\n\n![x](y.png) [two](http://z) &amp; three four <!-- c -->"
    )
    (tmp_path / "a.txt").write_text("One two")
    (tmp_path / "b.bin").write_bytes(b"\0")
    made = docx.Document()
    made.add_paragraph("Alpha beta")
    made.save(tmp_path / "c.docx")
    return tmp_path


def test_the_words_of_each_file_are_compared_with_the_expected_ones(folder: Path) -> None:
    found = {outcome.path: outcome for outcome in measured(folder)}
    assert list(found) == ["a.txt", "b.bin", "c.docx"]
    assert (found["a.txt"].recall, found["a.txt"].missing) == (0.5, ["three", "four"])
    assert (found["c.docx"].recall, found["c.docx"].origin) == (1.0, "its XML")
    assert found["b.bin"].recall is None
    figures = {row.format: row for row in summary(list(found.values()))}
    assert (figures[".txt"].read, figures[".txt"].recall, figures[".txt"].refused) == (1, 0.5, {})
    (reason,) = figures[".bin"].refused
    assert "unsupported" in reason


@pytest.mark.parametrize("relative", [False, True])
def test_the_figures_are_printed(
    folder: Path, relative: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder.parent)
    given = folder.name if relative else str(folder)
    monkeypatch.setattr(sys, "argv", ["loaders", given, "--json"])
    main()
    printed = json.loads(capsys.readouterr().out)
    assert [item["path"] for item in printed["under_0.95"]] == ["a.txt"]
    monkeypatch.setattr(sys, "argv", ["loaders", given])
    main()
    printed = capsys.readouterr().out
    assert "| .docx | 1 | 1 | 0 | 1 | 1.000 |" in printed
    assert "- 0.500 a.txt (against expected text): three four" in printed


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1252"])
def test_a_web_page_is_compared_with_the_text_of_its_seen_elements(tmp_path: Path, encoding: str) -> None:
    stated = '<meta charset="windows-1252">' if encoding == "cp1252" else ""
    unseen = "<nav>a</nav><script>b</script><p style='display: None'>c</p><p hidden>d</p><!-- e -->"
    text = f"<html><head>{stated}</head><body>{unseen}<p>Größe</p></body></html>"
    (tmp_path / "a.html").write_bytes(text.encode(encoding))
    (found,) = measured(tmp_path)
    assert (found.origin, found.recall) == ("its elements", 1.0)
    assert words(_html_text((tmp_path / "a.html").read_bytes())) == {"grösse": 1}


def test_words_are_counted_without_case_and_cjk_by_the_character() -> None:
    assert words("ﬁne Fine e_mail 東京") == {"fine": 2, "e": 1, "mail": 1, "東": 1, "京": 1}
