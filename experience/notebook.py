"""Shows reports, passages and traces in Jupyter: after `%load_ext experience.notebook` they display themselves.

All document text is escaped. A report is shown in its own frame, which may not use the network.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import TYPE_CHECKING, Any

from experience.render import render_html
from experience.render.places import place_of
from observability import trace_files
from settings import Settings
from state.errors import BadInput
from state.report import Report
from state.values import Passage

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

FRAME_PIXELS = 620
_STAGES = ("keyword", "dense", "fused", "rerank")
_COLOURS = {"keyword": "#b7791f", "dense": "#2b6cb0", "fused": "#2f855a", "rerank": "#805ad5"}
_TABLE = "border-collapse:collapse;font-size:13px"
_CELL = "text-align:left;vertical-align:top;padding:4px 10px 4px 0;border-top:1px solid rgba(128,128,128,.35)"


@dataclass(frozen=True)
class Passages:
    """Passages of a search, shown with their scores by stage."""

    found: tuple[Passage, ...]

    def _repr_html_(self) -> str:
        """Return a table with a bar for each stage, scaled to the best score of its column."""
        most = {stage: max((_score(each, stage) or 0.0 for each in self.found), default=0.0) for stage in _STAGES}
        stages = [stage for stage in _STAGES if most[stage]]
        head = "".join(f"<th style='{_CELL}'>{name}</th>" for name in ("", "passage", *stages))
        rows = "".join(
            f"<tr><td style='{_CELL}'>{number}</td><td style='{_CELL}'>{_passage(each)}</td>"
            + "".join(f"<td style='{_CELL}'>{_bar(each, stage, most[stage])}</td>" for stage in stages)
            + "</tr>"
            for number, each in enumerate(self.found, 1)
        )
        return f"<table style='{_TABLE}'><tr>{head}</tr>{rows}</table>"


@dataclass(frozen=True)
class Trace:
    """The spans of one run, as in its JSON Lines file."""

    spans: tuple[dict[str, Any], ...]

    def _repr_html_(self) -> str:
        """Return a waterfall chart: one nested line for each span, from its start to its end."""
        if not self.spans:
            return "<p>no spans</p>"
        began = min(_at(span["start"]) for span in self.spans)
        whole = max(_at(span["end"]) for span in self.spans) - began or 1.0
        rows = "".join(_line(span, depth, began, whole) for span, depth in _nested(self.spans))
        return f"<table style='{_TABLE};width:100%'>{rows}</table>"


def read_trace(settings: Settings, trace_id: str) -> Trace:
    """Read the trace of a run by its report's `trace_id`. Raises `BadInput` if nothing is kept of it."""
    records = trace_files(settings).read(trace_id)
    if not records:
        raise BadInput(
            f"nothing is kept of the trace {trace_id!r}", hint="`retention.traces_days` says how long traces live"
        )
    return Trace(tuple(record for record in records if record["type"] == "span" and record["end"]))


def show(passages: Iterable[Passage]) -> Passages:
    """Return passages as a value that shows their scores."""
    return Passages(tuple(passages))


def report_html(report: Report) -> str:
    """Return the report's HTML page in a frame with its own style and without network access."""
    page = escape(render_html(report), quote=True)
    style = f"width:100%;height:{FRAME_PIXELS}px;border:1px solid rgba(128,128,128,.4);border-radius:6px"
    # Without `allow-same-origin`: scripts of the report page cannot reach the notebook, its cookies or its kernel. A
    # source on the web opens in a tab of its own, and the copy button may write to the clipboard.
    allowed = "allow-scripts allow-popups allow-popups-to-escape-sandbox"
    return f'<iframe sandbox="{allowed}" allow="clipboard-write" style="{style}" srcdoc="{page}"></iframe>'


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Make reports and passages display themselves as the last value of a cell. Called by `%load_ext`."""
    # IPython declares the formatter as optional; in a kernel it is always there.
    formatter = shell.display_formatter.formatters["text/html"]  # type: ignore[union-attr]
    formatter.for_type(Report, report_html)
    formatter.for_type(Passage, lambda passage: show([passage])._repr_html_())


def _passage(passage: Passage) -> str:
    heading = " › ".join(passage.heading_path)
    place = escape(" · ".join(filter(None, (place_of(passage), heading))))
    text = escape(passage.text if len(passage.text) <= 400 else f"{passage.text[:400]}…")
    return f"<b>{escape(passage.title)}</b> <span style='opacity:.7'>{place}</span><br>{text}"


def _score(passage: Passage, stage: str) -> float | None:
    score: float | None = getattr(passage.scores, stage)
    return score


def _bar(passage: Passage, stage: str, most: float) -> str:
    score = _score(passage, stage)
    if score is None:
        return "<span style='opacity:.5'>–</span>"
    width = round(90 * max(score, 0.0) / most)
    return f"<div style='background:{_COLOURS[stage]};height:9px;width:{width}px'></div>{score:.3g}"


def _nested(spans: Sequence[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], int]]:
    """Yield each span after its parent, with its depth; children are ordered by their start."""
    known = {span["span_id"] for span in spans}
    children: dict[str | None, list[dict[str, Any]]] = {}
    for span in sorted(spans, key=lambda each: str(each["start"])):
        parent = span["parent_id"] if span["parent_id"] in known else None
        children.setdefault(parent, []).append(span)
    waiting = [(span, 0) for span in reversed(children.get(None, []))]
    while waiting:
        span, depth = waiting.pop()
        yield span, depth
        waiting += [(child, depth + 1) for child in reversed(children.get(span["span_id"], []))]


def _line(span: dict[str, Any], depth: int, began: float, whole: float) -> str:
    start, end = _at(span["start"]) - began, _at(span["end"]) - began
    left, width = 100 * start / whole, max(100 * (end - start) / whole, 0.4)
    colour = "#c53030" if span["status"] == "ERROR" else "#2b6cb0"
    bar = f"<div style='margin-left:{left:.1f}%;width:{width:.1f}%;height:9px;background:{colour}'></div>"
    name = f"<span style='padding-left:{14 * depth}px'>{escape(str(span['name']))}</span>"
    return (
        f"<tr><td style='{_CELL};white-space:nowrap'>{name}</td><td style='{_CELL};width:65%'>{bar}</td>"
        f"<td style='{_CELL}'>{1000 * (end - start):.0f} ms</td></tr>"
    )


def _at(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
