"""A passage of a document: beside the answer that cites it, or on a page of its own."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter, Request
from markupsafe import Markup
from starlette.exceptions import HTTPException
from starlette.responses import Response

from experience.http.bodies import CorpusId
from experience.http.callers import AtDesk, Caller
from experience.page.templates import is_part, page_of
from experience.render import WITHOUT_FILES, highlighted, quotes_of
from experience.service.desk import Desk
from policy.identity import Principal
from state.errors import RunMissing
from state.places import pages_of, section_of
from state.report import Report, ReportEvidence

router = APIRouter()


@dataclass(frozen=True)
class Shown:
    """A passage as the page shows it. `text` is HTML with the quotes marked."""

    title: str
    source: str
    section: str
    pages: str
    edition: str
    link: str
    text: Markup
    number: int | None = None
    superseded: bool = False
    flagged: str = ""


@router.get("/passages/{corpus}/{evidence_id}")
async def passage(
    corpus: CorpusId, evidence_id: str, request: Request, person: Caller, desk: AtDesk, run: str = ""
) -> Response:
    """Show a passage. With a run of the person's that cites it, what the run quotes is marked."""
    cited = await _cited(desk, person, run, evidence_id) if run else None
    shown = cited or await _found(desk, person, corpus, evidence_id)
    template = "_passage.html" if is_part(request) else "passage.html"
    return page_of(request, template, passage=shown, corpus=corpus)


async def _cited(desk: Desk, person: Principal, run_id: str, evidence_id: str) -> Shown | None:
    """Return the passage as the report of a run has it, `None` if the person has no such run or it cites another."""
    try:
        report = (await desk.run(person, run_id)).report
    except RunMissing:
        return None
    item = next((each for each in report.evidence if each.id == evidence_id), None) if report else None
    return _of_report(report, item) if report and item else None


def _of_report(report: Report, item: ReportEvidence) -> Shown:
    quotes = quotes_of(report, item)
    return Shown(
        title=item.title,
        source=item.source,
        section=section_of(item),
        pages=pages_of(item),
        edition=", ".join(filter(None, (item.date, f"version {item.version}" if item.version else ""))),
        link=WITHOUT_FILES.passage(item, quotes[0][2] if quotes else "") or WITHOUT_FILES.document(item.source),
        text=Markup(highlighted(item, quotes)),  # noqa: S704 - it escapes the text
        number=item.number,
    )


async def _found(desk: Desk, person: Principal, corpus: str, evidence_id: str) -> Shown:
    safe = await desk.passages(person, corpus, [evidence_id])
    if not safe.passages:
        raise HTTPException(404, "there is no such passage")
    found = safe.passages[0]
    return Shown(
        title=found.title,
        source=found.source,
        section=section_of(found),
        pages=pages_of(found),
        edition="",
        link=WITHOUT_FILES.document(found.source),
        text=Markup.escape(found.text),
        superseded=found.superseded,
        flagged=found.flagged,
    )
