"""Renders a report as one HTML file without external resources. Each citation opens its passage with marked quotes."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator
from html import escape
from importlib.resources import files

from experience.render.answer import answer_html, passage_id
from experience.render.markdown import provenance, quotes_of
from experience.render.places import pages_of
from state.report import Report, ReportClaim, ReportEvidence


def render_html(report: Report) -> str:
    """Return the content of `report.html`.

    Every text of the report is escaped. The content security policy in the head is the second line of defence: it
    allows no network request and no script but the one whose hash it names.
    """
    script = _asset("report.js")
    body = "\n".join(filter(None, _sections(report)))
    return _asset("report.template.html").format(
        title=_clean(escape(_line(report.question)[:120])) or "Report",
        style=_asset("report.css"),
        script=script,
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        body=_clean(body),
    )


def highlighted(item: ReportEvidence, quotes: Iterable[tuple[int, int, str]]) -> str:
    """Return a passage's text as HTML with the quoted spans marked. Overlapping quotes become one mark."""
    parts: list[str] = []
    at = 0
    for start, end, _ in quotes:
        start, end = max(start - item.start, at), min(end - item.start, len(item.text))
        if start < end:
            parts += [escape(item.text[at:start]), f"<mark>{escape(item.text[start:end])}</mark>"]
            at = end
    return "".join([*parts, escape(item.text[at:])])


def _sections(report: Report) -> Iterator[str]:
    yield _header(report)
    yield f'<section id="answer" class="answer" aria-label="Answer">{answer_html(report)}</section>'
    yield _bullets("What the documents do not say", report.gaps)
    yield _bullets("Left out", report.unresolved)
    if report.evidence:
        items = sorted(report.evidence, key=lambda item: item.number)
        cards = "\n".join(_source(report, item) for item in items)
        yield _section("sources", "Sources", f'<ol class="sources">{cards}</ol>')
    if report.claims:
        rows = "\n".join(_claim(report, claim) for claim in report.claims)
        yield _section("claims", "Verification", f'<ul class="claims">{rows}</ul>')
    yield _provenance(report)


def _section(anchor: str, title: str, body: str) -> str:
    return f'<section aria-labelledby="{anchor}"><h2 id="{anchor}">{title}</h2>{body}</section>'


def _header(report: Report) -> str:
    reason = f'<span class="reason">{_text(report.stop_reason.replace("_", " "))}</span>' if report.stop_reason else ""
    badge = f'<span class="badge {report.status.value}">{report.status.value}</span>'
    return f"<header><h1>{_text(report.question)}</h1><p>{badge} {reason}</p></header>"


def _source(report: Report, item: ReportEvidence) -> str:
    quotes = quotes_of(report, item)
    shown = "".join(f"<blockquote>{_text(quote)}</blockquote>" for _, _, quote in quotes)
    place = ", ".join(filter(None, (f"<code>{_text(item.source)}</code>", pages_of(item))))
    return (
        f'<li><div class="number" aria-hidden="true">{item.number}</div><div class="card">'
        f"<h3>{_text(item.title or item.source)}</h3>"
        f'<p class="place">{place}, characters {item.start:,}–{item.end:,}</p>{shown}'
        f'<details><summary>Passage in full</summary><div class="passage" id="{passage_id(item.number)}" tabindex="-1">'
        f"{highlighted(item, quotes)}</div></details>"
        f'<p class="back"><a href="#answer">Back to the answer</a></p></div></li>'
    )


def _claim(report: Report, claim: ReportClaim) -> str:
    numbers = {item.id: item.number for item in report.evidence}
    cited = sorted({numbers[each.evidence_id] for each in claim.citations if each.evidence_id in numbers})
    links = "".join(f'<a class="cite" href="#{passage_id(n)}" aria-label="Source {n}">{n}</a>' for n in cited)
    score = f'<span class="score">{claim.score:.2f}</span>' if claim.score is not None else ""
    badge = f'<span class="badge {escape(claim.verdict)}">{_text(claim.verdict)}</span>'
    return f'<li><span class="verdict">{badge}{score}</span><span>{_text(claim.text)} {links}</span></li>'


def _bullets(title: str, items: tuple[str, ...]) -> str:
    if not items:
        return ""
    entries = "".join(f"<li>{_text(item)}</li>" for item in items)
    return f'<section class="missing"><h2>{escape(title)}</h2><ul>{entries}</ul></section>'


def _provenance(report: Report) -> str:
    rows = "".join(
        f"<dt>{escape(name)}</dt><dd>{_text(value)}</dd>"
        for name, _, value in (line.partition(": ") for line in provenance(report))
    )
    times = "".join(f"<dt>{_text(node)}</dt><dd>{ms:,} ms</dd>" for node, ms in report.timings_ms.items())
    timings = f'<details><summary>Time per node</summary><dl class="facts">{times}</dl></details>' if times else ""
    return f'<footer><h2>Provenance</h2><dl class="facts">{rows}</dl>{timings}</footer>'


def _asset(name: str) -> str:
    return (files("experience.render") / name).read_text(encoding="utf-8")


def _text(text: str) -> str:
    return escape(_line(text))


def _line(text: str) -> str:
    return " ".join(text.split())


def _clean(text: str) -> str:
    """Return `text` without the control characters that HTML forbids and without unpaired surrogates.

    Text extracted from documents may contain both. Either would make the file invalid or impossible to encode.
    """
    allowed = "\n\t"
    kept = "".join(char if char in allowed or (char.isprintable() or char > "\x9f") else " " for char in text)
    return kept.encode("utf-8", "replace").decode()
