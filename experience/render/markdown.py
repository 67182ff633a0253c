"""Renders a report as Markdown: the answer, what is open, the sources by document, and provenance."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from experience.render.links import WITHOUT_FILES, Originals
from experience.render.places import shown_source
from experience.render.sources import Source, is_code, lines_of, paragraphs_of, quotes_of, shown_code, sources_of
from experience.render.words import (
    compiled_line,
    left_out,
    reason_words,
    role_line,
    roles,
    run_facts,
    status_words,
    verification_facts,
    verification_line,
)
from state.markdown_text import md_code, md_line, md_quote
from state.places import pages_of, section_of
from state.report import Report, ReportEvidence
from state.values import Status

Address = Callable[[ReportEvidence], str]
"""Gives the address at which a reader can open a cited passage, or an empty string if there is none."""

OPEN_TITLE = "What the documents do not say"
LEFT_OUT_TITLE = "What was left out"


def render_markdown(report: Report, originals: Originals = WITHOUT_FILES) -> str:
    """Return the content of `report.md`. With `originals`, original files are linked too."""
    parts = [f"# {md_line(report.question)}", _status(report), report.markdown.strip("\n"), *_open(report)]
    parts += _sources(report, originals)
    parts += _made(report)
    return "\n\n".join(filter(None, parts)) + "\n"


def render_answer(report: Report, address: Address | None = None) -> str:
    """Return the answer with what is open and a short list of its sources, for chat clients and the clipboard.

    With `address`, the list has a line for each cited passage, with a link to it.
    """
    return report.markdown + render_after_answer(report, address)


def render_after_answer(report: Report, address: Address | None = None) -> str:
    """Return what `render_answer` puts after the answer, for a stream that has already sent it."""
    after = [*_open(report), *(_short_sources(report) if address is None else _numbered_sources(report, address))]
    gap = "\n" * max(0, 2 - (len(report.markdown) - len(report.markdown.rstrip("\n"))))
    return gap + "\n\n".join(after) if after else ""


def render_text(report: Report) -> str:
    """Return the text for a terminal: the answer, what is open, a line per source, and how it was checked."""
    checked = " ".join(filter(None, (verification_line(report), compiled_line(report))))
    parts = [f"# {md_line(report.question)}", render_answer(report), f"*{checked}*" if checked else ""]
    return "\n\n".join(filter(None, parts))


def _status(report: Report) -> str:
    """Return a line that says what the answer is worth; an answer that is whole needs none but its check."""
    said = [status_words(report), reason_words(report)] if report.status is not Status.ANSWERED else []
    words = md_line(": ".join(filter(None, said)))
    about = (f"{words}." if words else "", verification_line(report), compiled_line(report))
    return "*{}*".format(" ".join(filter(None, about)))


def _open(report: Report) -> list[str]:
    return [*_list(OPEN_TITLE, report.gaps), *_list(LEFT_OUT_TITLE, left_out(report))]


def _list(title: str, items: tuple[str, ...]) -> list[str]:
    return [f"## {title}", "\n".join(f"- {md_line(item)}" for item in items)] if items else []


def _sources(report: Report, originals: Originals) -> list[str]:
    if not report.evidence:
        return []
    return ["## Sources", *(part for source in sources_of(report) for part in _source(report, source, originals))]


def _source(report: Report, source: Source, originals: Originals) -> Iterator[str]:
    yield ", ".join(filter(None, (f"**{md_line(source.title)}**: {_file(source, originals)}", md_line(source.edition))))
    for item in source.passages:
        quotes = quotes_of(report, item)
        place = _place(item, originals.passage(item, quotes[0][2] if quotes else ""))
        yield "\n\n".join(
            [f"- [{item.number}] {place}".rstrip(), *(_quoted(report, each) for each in paragraphs_of(report, item))]
        )


def _file(source: Source, originals: Originals) -> str:
    shown, link = md_code(shown_source(source.source)), originals.document(source.source)
    return f"[{shown}]({link})" if link else shown


def _quoted(report: Report, paragraph: list[tuple[int, int, str]]) -> str:
    """Return the quotes of a paragraph as a block, in the lines of `lines_of`; code keeps its own."""
    if not is_code(report, paragraph[0]):
        lines = lines_of(" ".join(quote for _, _, quote in paragraph))
        return "\\\n".join(f"  > {md_quote(line)}" for line in lines)
    code = shown_code(paragraph[0][2])
    fence = "`" * max(3, *(len(run) + 1 for run in re.findall("`+", code + "`")))
    return "\n".join(f"  {line}".rstrip() for line in (fence, *code.splitlines(), fence))


def _place(item: ReportEvidence, link: str) -> str:
    """Return section and pages. The most exact of them carries the link to the place in the original."""
    section, pages = md_line(section_of(item)), pages_of(item)
    if pages:
        return ", ".join(filter(None, (section, f"[{pages}]({link})" if link else pages)))
    return f"[{section or 'open at the quote'}]({link})" if link else section


def _short_sources(report: Report) -> list[str]:
    lines = []
    for source in sources_of(report):
        places: dict[str, str] = {}
        for item in source.passages:  # passages of one section share its name
            place = _place(item, "")
            places[place] = f"{places.get(place, '')}[{item.number}]"
        told = "; ".join(f"{numbers} {place}".rstrip() for place, numbers in places.items())
        title = "" if source.title == shown_source(source.source) else f"{md_line(source.title)}, "
        lines.append(f"- {title}{_file(source, WITHOUT_FILES)}: {told}")
    return ["## Sources", "\n".join(lines)] if lines else []


def _numbered_sources(report: Report, address: Address) -> list[str]:
    """Return the cited passages by number: title, section, pages and date, with a link to the passage."""
    lines = {}
    for source in sources_of(report):
        for item in source.passages:
            title, link = md_line(source.title), address(item)
            place = (f"[{title}]({link})" if link else title, _place(item, ""), md_line(source.edition))
            lines[item.number] = f"- [{item.number}] {', '.join(filter(None, place))}"
    return ["## Sources", "\n".join(lines[number] for number in sorted(lines))] if lines else []


def _made(report: Report) -> Iterator[str]:
    yield "## How this report was made"
    facts = [f"- {name}: {md_line(value)}" for name, value in (*verification_facts(report), *run_facts(report))]
    used = [f"- {md_line(role)}: {md_line(role_line(*told))}" for role, *told in roles(report)]
    yield "\n".join([*facts, *used])
