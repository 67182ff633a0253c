import re

import pytest

from experience.render import render_html, render_markdown, render_text, write_report
from state.report import Report, ReportClaim
from tests.experience.reports import E1, FIRST, citation, make_report

HOSTILE = (
    '<script>alert(1)</script> ![x](http://evil/x.png) [y](javascript:z) </details> \x1b[31m & "quoted" \ue0001\ue001'
)


def test_each_citation_links_to_its_passage_and_the_quote_is_highlighted():
    html = render_html(make_report())
    assert html.count('class="cite" href="#passage-1"') == 2
    assert 'id="passage-2"' in html
    assert f"<mark>{FIRST}</mark>" in html
    assert "As [3] notes" in html


def test_hostile_text_stays_text():
    claim = ReportClaim(
        id="c1", text=HOSTILE, section=HOSTILE, verdict="supported", score=1, citations=(citation(E1, FIRST),)
    )
    report = make_report(
        question=HOSTILE,
        claims=(claim,),
        markdown=f"## {HOSTILE}\n\n{HOSTILE} [1]",
        gaps=(HOSTILE,),
        unresolved=(HOSTILE,),
    )
    html = render_html(report)
    assert html.count("<script>") == 1
    assert "<img" not in html
    assert set(re.findall(r'href="([^"]*)"', html)) <= {"#answer", "#passage-1", "#passage-2"}
    assert "\x1b" not in html


def test_the_page_names_no_external_resource():
    html = render_html(make_report())
    assert not re.findall(r"""(?:src|href)="[^#"]""", html)
    assert "default-src 'none'" in html
    assert "url(" not in html
    assert "@import" not in html


def test_markdown_has_numbered_sources_with_file_page_and_quote():
    text = render_markdown(make_report(gaps=("nobody knows",)))
    assert "2. Planes — `docs/planes.md`, pages 2 to 3" in text
    assert f"> {FIRST}" in text
    assert "- nobody knows" in text
    assert "Status: **answered**" in text
    assert "1. Planes — `docs/planes.md`" in render_text(make_report())


def test_write_report_writes_three_whole_files_and_leaves_nothing_else(tmp_path):
    folder = tmp_path / "deep" / "out"
    paths = write_report(make_report(), folder)
    assert write_report(make_report(), folder) == paths
    assert sorted(path.name for path in folder.iterdir()) == ["report.html", "report.json", "report.md"]
    assert Report.model_validate_json((folder / "report.json").read_bytes()) == make_report()


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    write_report(make_report(), tmp_path)
    monkeypatch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError(28, "full")))
    with pytest.raises(OSError, match="full"):
        write_report(make_report(question="new"), tmp_path)
    assert "What are the planes?" in (tmp_path / "report.md").read_text()
    assert len(list(tmp_path.iterdir())) == 3
