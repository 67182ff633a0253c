"""Renders a report as Markdown: the answer, numbered sources with file, page and quotes, gaps, and provenance."""

from __future__ import annotations

from collections.abc import Iterator

from experience.render.places import pages_of
from state.report import Report, ReportEvidence
from state.values import Support, Usage

_SPECIAL = str.maketrans({char: f"\\{char}" for char in "\\`*[]<>"})


def render_markdown(report: Report) -> str:
    """Return the content of `report.md`."""
    parts = [
        f"# {_line(report.question)}",
        f"Status: **{report.status.value}** ({_line(report.stop_reason)})",
        report.markdown,
    ]
    parts += _sources(report, quotes=True)
    parts += _list("What the documents do not say", report.gaps)
    parts += _list("Left out", report.unresolved)
    parts += ["## Provenance", "\n".join(f"- {_line(line)}" for line in provenance(report))]
    return "\n\n".join(filter(None, parts)) + "\n"


def render_text(report: Report) -> str:
    """Return the text for a terminal: the answer, its sources without quotes, and the gaps."""
    parts = [f"# {_line(report.question)}", report.markdown, *_sources(report, quotes=False)]
    parts += _list("What the documents do not say", report.gaps)
    parts += _list("Left out", report.unresolved)
    return "\n\n".join(filter(None, parts))


def provenance(report: Report) -> list[str]:
    """Return lines that tell what produced the report and how it was verified."""
    tally, corpus = report.verification, report.corpus
    models = sorted(set(report.models.values()))
    verdicts = ", ".join(f"{getattr(tally, verdict.value)} {verdict.value}" for verdict in Support)
    lines = [
        f"verification: {verdicts} of {tally.claims}; coverage {tally.coverage:.0%}; judge {tally.judge or 'none'}",
        f"models: {', '.join(models) or 'none'}",
        f"usage: {usage_line(report.usage)}",
        f"loops: {report.research_rounds} research rounds, {report.revisions} revisions",
    ]
    if corpus:
        holds = f"{corpus.documents} documents, {corpus.passages} passages"
        lines.insert(0, f"corpus: {corpus.name}, version {corpus.version} ({holds})")
    return [*lines, f"thread: {report.thread_id}", f"run: {report.run_id}", f"trace: {report.trace_id}"]


def usage_line(usage: Usage) -> str:
    """Return calls, tokens and cost on one line."""
    tokens = f"{usage.input_tokens} tokens in, {usage.output_tokens} out"
    return f"{usage.calls} calls, {tokens}, {usage.cost_micro_usd} micro-dollars"


def quotes_of(report: Report, item: ReportEvidence) -> list[tuple[int, int, str]]:
    """Return start, end and text of each span that the claims quote from a passage, in order and without duplicates."""
    cited = (citation for claim in report.claims for citation in claim.citations if citation.evidence_id == item.id)
    return sorted({(citation.start, citation.end, citation.quote) for citation in cited})


def _sources(report: Report, *, quotes: bool) -> list[str]:
    if not report.evidence:
        return []
    items = sorted(report.evidence, key=lambda item: item.number)
    return [
        "## Sources",
        ("\n\n" if quotes else "\n").join("\n".join(_source(report, item, quotes=quotes)) for item in items),
    ]


def _source(report: Report, item: ReportEvidence, *, quotes: bool) -> Iterator[str]:
    # A backtick in a file name would end the code span.
    file = "`{}`".format(" ".join(item.source.replace("`", "'").split()))
    name = f"{_line(item.title)} — {file}" if item.title and item.title != item.source else file
    pages = pages_of(item)
    yield f"{item.number}. {name}{f', {pages}' if pages else ''}"
    for _, _, quote in quotes_of(report, item) if quotes else ():
        yield ""
        yield f"   > {_line(quote)}"


def _list(title: str, items: tuple[str, ...]) -> list[str]:
    return [f"## {title}", "\n".join(f"- {_line(item)}" for item in items)] if items else []


def _line(text: str) -> str:
    """Return `text` on one line with Markdown's special characters escaped.

    Titles and quotes come from documents, which must not be able to insert links or headings into the report.
    """
    return " ".join(text.split()).translate(_SPECIAL)
