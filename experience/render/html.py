"""Renders a report as one HTML file without external resources. Each citation opens its quote beside the text."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from html import escape
from importlib.resources import files
from types import MappingProxyType

from experience.render.answer import answer_html, citation_id, passage_id, quote_id
from experience.render.clean import clean_html
from experience.render.links import WITHOUT_FILES, Originals
from experience.render.markdown import LEFT_OUT_TITLE, OPEN_TITLE, render_answer
from experience.render.places import shown_source
from experience.render.sources import Source, is_code, lines_of, paragraphs_of, quotes_of, shown_code, sources_of
from experience.render.words import (
    compiled_line,
    left_out,
    masks_words,
    reason_words,
    role_line,
    roles,
    run_facts,
    status_words,
    verification_facts,
    verification_line,
)
from state.places import pages_of, section_of
from state.report import Report, ReportEvidence

LONG_QUESTION = 120
"""From this length on, a question is set smaller. A chosen value."""


def render_html(report: Report, originals: Originals = WITHOUT_FILES) -> str:
    """Return the content of `report.html`. With `originals`, original files are linked too.

    Every text of the report is escaped. The content security policy in the head is the second line of defence: it
    allows no network request and no script but the one whose hash it names.
    """
    script = _asset("report.js")
    return _asset("report.template.html").format(
        title=clean_html(escape(_line(report.question)[:120])) or "Report",
        style=_asset("report.css"),
        script=script,
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        body=report_body(report, originals),
    )


def report_body(
    report: Report, originals: Originals = WITHOUT_FILES, addresses: Mapping[int, str] = MappingProxyType({})
) -> str:
    """Return a report as HTML without the page around it.

    Args:
        report: the report.
        originals: makes links to original files.
        addresses: where the citation of a number leads; without one, to the passage in the list of sources.
    """
    return clean_html("\n".join(filter(None, _sections(report, originals, addresses))))


def renderer_hash() -> str:
    """Return the SHA-256 of what renders the HTML: two versions of it with one hash give the same file."""
    folder = files("experience.render")
    parts = sorted((each.name, each.read_bytes()) for each in folder.iterdir() if each.is_file())
    return hashlib.sha256(b"".join(hashlib.sha256(data).digest() for _, data in parts)).hexdigest()


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


def _sections(report: Report, originals: Originals, addresses: Mapping[int, str]) -> Iterator[str]:
    answer = answer_html(report, addresses)
    yield _header(report)
    # No language: the answer is in the language of the question, which the page does not know.
    yield f'<section id="answer" class="answer" aria-label="Answer" lang="">{answer.html}</section>'
    yield _bullets(OPEN_TITLE, report.gaps)
    yield _bullets(LEFT_OUT_TITLE, left_out(report))
    if report.evidence:
        documents = "\n".join(_document(report, source, originals, answer.cited) for source in sources_of(report))
        yield f'<section class="sources" aria-labelledby="sources"><h2 id="sources">Sources</h2>{documents}</section>'
    yield _provenance(report)
    yield f'<template id="markdown">{escape(render_answer(report))}</template>'


def _header(report: Report) -> str:
    question = _line(report.question)
    long = ' class="long"' if len(question) > LONG_QUESTION else ""
    said = ": ".join(filter(None, (status_words(report), reason_words(report))))
    return (
        f'<header><h1{long} dir="auto">{escape(question)}</h1><div class="state">'
        f'<p class="badge {report.status.value}">{_text(said)}</p>{_check(report)}'
        '<button id="copy" type="button" hidden>Copy answer</button><span id="told" class="sr" role="status"></span>'
        f"</div>{_compiled(report)}</header>"
    )


def _compiled(report: Report) -> str:
    line = compiled_line(report)
    return f'<p class="compiled">{escape(line)}</p>' if line else ""


def _check(report: Report) -> str:
    """Return the verification in one line, which unfolds."""
    line, facts = verification_line(report), _facts(verification_facts(report))
    if not line:
        return ""
    masks = f" Personal data is hidden in {masks_words(report)}." if report.masks else ""
    return f'<details class="check"><summary>{escape(line)}{escape(masks)}</summary>{facts}</details>'


def _bullets(title: str, items: tuple[str, ...]) -> str:
    if not items:
        return ""
    entries = "".join(f"<li>{_text(item)}</li>" for item in items)
    return f'<section class="missing"><h2>{escape(title)}</h2><ul dir="auto">{entries}</ul></section>'


def _document(report: Report, source: Source, originals: Originals, cited: set[int]) -> str:
    shown, link = _text(shown_source(source.source)), originals.document(source.source)
    place = f'<span class="file">{_link(link, shown)}</span>'
    edition = f'<span class="edition">{_text(source.edition)}</span>' if source.edition else ""
    passages = "\n".join(_passage(report, item, originals, back=item.number in cited) for item in source.passages)
    return (
        f'<article class="document"><h3 dir="auto">{_text(source.title)}</h3><p class="origin">{place}{edition}</p>'
        f'<ol class="passages">{passages}</ol></article>'
    )


def _passage(report: Report, item: ReportEvidence, originals: Originals, *, back: bool) -> str:
    quotes = quotes_of(report, item)
    link = originals.passage(item, quotes[0][2] if quotes else "")
    where = _where(item, link)
    ids = {quote: quote_id(item.number, index) for index, quote in enumerate(quotes)}
    shown = "".join(_quoted(report, paragraph, ids) for paragraph in paragraphs_of(report, item))
    return (
        f'<li id="{passage_id(item.number)}" value="{item.number}" tabindex="-1">{_number(item.number, back=back)}'
        f'<div><p class="where">{where}</p>{shown}<details class="whole"><summary>Passage in full</summary>'
        f'<div class="passage" dir="auto" lang="">{highlighted(item, quotes)}</div></details></div></li>'
    )


def _number(number: int, *, back: bool) -> str:
    """Return a passage's number; where the answer cites it, a link back to the first citation."""
    if not back:
        return f'<span class="number">{number}</span>'
    label = f"Source {number}, back to the text"
    return f'<a class="number" href="#{citation_id(number)}" aria-label="{label}">{number}</a>'


def _where(item: ReportEvidence, link: str) -> str:
    """Return section and pages. The most exact of them carries the link to the place in the original."""
    section, pages = section_of(item), _text(pages_of(item))
    shown = f'<span dir="auto">{_text(section)}</span>' if section else ""
    if pages:
        return " · ".join(filter(None, (shown, _link(link, pages))))
    return _link(link, shown or "open at the quote") if link else shown


def _quoted(report: Report, paragraph: list[tuple[int, int, str]], ids: dict[tuple[int, int, str], str]) -> str:
    """Return the quotes of a paragraph, in the lines of `lines_of`; code keeps its own."""
    if is_code(report, paragraph[0]):
        code = escape(shown_code(paragraph[0][2]))
        return f'<blockquote class="code" lang=""><span id="{ids[paragraph[0]]}">{code}</span></blockquote>'
    parts = " ".join(
        f'<span id="{ids[quote]}">{"<br>".join(map(escape, lines_of(quote[2])))}</span>' for quote in paragraph
    )
    return f'<blockquote dir="auto" lang="">{parts}</blockquote>'


def _link(link: str, shown: str) -> str:
    return f'<a href="{escape(link)}" target="_blank" rel="noopener noreferrer">{shown}</a>' if link else shown


def _provenance(report: Report) -> str:
    used = _facts((role, role_line(*told)) for role, *told in roles(report))
    times = _facts((node, f"{ms:,} ms") for node, ms in report.timings_ms.items())
    timings = f"<h3>Time per node</h3>{times}" if report.timings_ms else ""
    return (
        f'<footer><details class="provenance"><summary>How this report was made</summary>'
        f"{_facts(run_facts(report))}<h3>Roles</h3>{used}{timings}</details></footer>"
    )


def _facts(facts: Iterable[tuple[str, str]]) -> str:
    rows = "".join(f"<dt>{_text(name)}</dt><dd>{_text(value)}</dd>" for name, value in facts)
    return f'<dl class="facts">{rows}</dl>' if rows else ""


def _asset(name: str) -> str:
    return (files("experience.render") / name).read_text(encoding="utf-8")


def _text(text: str) -> str:
    return escape(_line(text))


def _line(text: str) -> str:
    return " ".join(text.split())
