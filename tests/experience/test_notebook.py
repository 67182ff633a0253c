"""What reports, passages and traces look like in Jupyter; hostile text stays text."""

from __future__ import annotations

import json

import pytest
from IPython.core.interactiveshell import InteractiveShell

from experience.notebook import Trace, load_ipython_extension, read_trace, report_html, show
from settings import Settings
from state.errors import BadInput
from state.values import Passage, Scores
from tests.experience.reports import make_report

HOSTILE = "<script>alert('x')</script>"


def passage(text="text", **scores):
    return Passage(
        evidence_id="E1", document_id="d", text_hash="h", title=HOSTILE, source="a&b.md", page=3, page_end=3, start=0,
        end=len(text), heading_path=("One", "Two"), text=text, scores=Scores(**scores),
    )  # fmt: skip


def span(name, start, end, *, parent=None, own="a", status="OK"):
    moment = "2026-01-01T00:00:0{}+00:00"
    return {"type": "span", "span_id": own, "parent_id": parent, "name": name, "status": status,
            "start": moment.format(start), "end": moment.format(end)}  # fmt: skip


def test_they_show_themselves_once_the_extension_is_loaded():
    shell = InteractiveShell.instance()
    load_ipython_extension(shell)
    shown, _ = shell.display_formatter.format(make_report())
    assert shown["text/html"].startswith("<iframe sandbox")
    assert "<table" in shell.display_formatter.format(passage(fused=0.5))[0]["text/html"]
    InteractiveShell.clear_instance()


def test_a_report_cannot_leave_its_frame():
    html = report_html(make_report(question=HOSTILE, markdown=HOSTILE))
    assert html.count("<") == 2
    assert "allow-same-origin" not in html
    assert "&lt;script" in html


def test_passages_have_a_bar_for_each_stage_that_scored():
    html = show([passage("one", keyword=4.0, fused=1.0), passage(HOSTILE, fused=0.5)])._repr_html_()
    assert html.count("<tr>") == 3
    assert "keyword" in html
    assert "dense" not in html
    assert "width:90px" in html
    assert "width:45px" in html
    assert "page 3" in html
    assert "<script" not in html


def test_a_trace_is_a_waterfall():
    spans = (
        span("run", 0, 4),
        span("node", 1, 3, parent="a", own="b", status="ERROR"),
        span(HOSTILE, 2, 3, parent="b", own="c"),
        span("lost", 3, 4, parent="gone", own="d"),
    )
    html = Trace(spans)._repr_html_()
    assert [html.index(name) for name in ("run", "node", "alert", "lost")] == sorted(
        html.index(name) for name in ("run", "node", "alert", "lost")
    )
    assert "padding-left:28px" in html
    assert "margin-left:25.0%;width:50.0%" in html
    assert "#c53030" in html
    assert "<script" not in html
    assert Trace(())._repr_html_() == "<p>no spans</p>"


def test_a_trace_is_read_from_its_file(tmp_path):
    folder = tmp_path / "traces"
    folder.mkdir()
    lines = [{**span("run", 0, 4), "trace_id": "abc"}, {"type": "run_started", "end": None, "trace_id": "abc"}]
    (folder / "abc.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert [each["name"] for each in read_trace(Settings(home=tmp_path), "abc").spans] == ["run"]
    with pytest.raises(BadInput, match="none"):
        read_trace(Settings(home=tmp_path), "none")
