"""Corpora: what is in them, uploads with their progress, and deleting."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from experience.http.bodies import CorpusId
from experience.http.callers import AtDesk, Caller
from experience.http.corpora import DocumentId, Files, UploadRoute, store_uploads
from experience.http.events import sent
from experience.ingest_progress import Tell
from experience.page.ingestions import Ingestion, Ingestions
from experience.page.streams import closing
from experience.page.templates import filled, is_part, page_of
from experience.service.desk import Desk
from policy.identity import Permission, Principal
from retrieval import IngestReport, Manifest, ManifestEntry
from retrieval.loaders.uploads import load_uploads
from settings import checked_name
from settings.pools import IO
from state.errors import CorpusMissing, NameInvalid

router = APIRouter()

UPLOADS = re.compile(r"/corpora/[^/]+/documents")
"""The paths whose bodies may have `server.max_upload_bytes`."""

_LISTED = 100
"""Documents of one part of the list. A chosen value."""


@router.get("/corpora")
async def corpora(request: Request, person: Caller, desk: AtDesk, name: str = "") -> Response:
    """List the corpora, or lead to the one that a person has just named."""
    if name:
        try:
            return RedirectResponse(f"/corpora/{checked_name('corpus', name.strip())}", status_code=303)
        except NameInvalid:
            problem = "A name has letters, digits, dots, dashes and underscores, and begins with a letter or a digit."
    else:
        problem = ""
    listed = await desk.corpora(person)
    return page_of(request, "corpora.html", status=422 if problem else 200, corpora=listed, name=name, problem=problem)


@router.get("/corpora/{corpus}")
async def corpus_page(
    corpus: CorpusId, request: Request, person: Caller, desk: AtDesk, q: str = "", after: int = 0
) -> Response:
    """Show a corpus and where to put new documents. One that is not there yet comes with its first upload."""
    try:
        manifest: Manifest | None = await desk.manifest(person, corpus)
    except CorpusMissing:
        person.require(Permission.INGEST)
        manifest = None
    found = _found(manifest, q)
    values: dict[str, Any] = {
        "corpus": corpus,
        "manifest": manifest,
        "documents": found[after : after + _LISTED],
        "found": len(found),
        "q": q,
        "next": after + _LISTED if len(found) > after + _LISTED else None,
        "first": after == 0,
        "ingestions": _ingestions(request).of(person.tenant, person.id, corpus),
    }
    return page_of(request, "_documents.html" if is_part(request) else "corpus.html", **values)


uploads = APIRouter(route_class=UploadRoute)


@uploads.post("/corpora/{corpus}/documents")
async def upload(
    corpus: CorpusId,
    request: Request,
    files: Files,
    person: Caller,
    desk: AtDesk,
    audience: Annotated[str, Form()] = "",
) -> Response:
    """Take uploaded files and start to ingest them."""
    folder = Path(await IO.run(tempfile.mkdtemp, prefix="sixplane-"))
    try:
        await IO.run(store_uploads, files, folder)
    except BaseException:  # cancellation too: a client that leaves must not leave its files behind
        await IO.run(shutil.rmtree, folder, ignore_errors=True)
        raise
    labels = audience.replace(",", " ").split() or None
    started = _ingestions(request).start(
        person.tenant, person.id, corpus, len(files), _ingest_of(desk, person, corpus, folder, labels)
    )
    if is_part(request):
        return page_of(request, "_ingestion.html", ingestion=started)
    return RedirectResponse(f"/corpora/{corpus}", status_code=303)


router.include_router(uploads)


@router.get("/corpora/{corpus}/uploads/{name}/events")
async def upload_events(corpus: CorpusId, name: str, request: Request, person: Caller) -> EventSourceResponse:
    """Stream the progress of an ingestion as HTML, each part whole."""
    found = _ingestions(request).get(person.tenant, person.id, name)
    if found is None or found.corpus != corpus:
        raise HTTPException(404, "there is no such upload")
    return sent(_progress(found))


@router.post("/corpora/{corpus}/documents/delete")
async def remove(corpus: CorpusId, document: Annotated[DocumentId, Form()], person: Caller, desk: AtDesk) -> Response:
    """Take a document out of search."""
    await desk.remove(person, corpus, [document])
    return RedirectResponse(f"/corpora/{corpus}", status_code=303)


@router.post("/corpora/{corpus}/delete")
async def delete(corpus: CorpusId, person: Caller, desk: AtDesk) -> Response:
    """Delete a corpus for good."""
    await desk.delete_corpus(person, corpus)
    return RedirectResponse("/corpora", status_code=303)


def _ingestions(request: Request) -> Ingestions:
    ingestions: Ingestions = request.app.state.ingestions
    return ingestions


def _found(manifest: Manifest | None, q: str) -> list[ManifestEntry]:
    """Return the live documents whose title or name holds the words of `q`, by title."""
    words = q.casefold().split()
    live = [each for each in (manifest.entries if manifest else ()) if not each.superseded]
    named = [each for each in live if all(word in f"{each.title} {each.source}".casefold() for word in words)]
    return sorted(named, key=lambda each: (each.title or each.source).casefold())


def _ingest_of(
    desk: Desk, person: Principal, corpus: str, folder: Path, labels: list[str] | None
) -> Callable[[Tell], Awaitable[IngestReport]]:
    async def ingest(tell: Tell) -> IngestReport:
        try:
            given = load_uploads(folder, desk.service.settings)
            return await desk.ingest(person, corpus, given, audience=labels, progress=tell)
        finally:
            await IO.run(shutil.rmtree, folder, ignore_errors=True)

    return ingest


async def _progress(ingestion: Ingestion) -> AsyncIterator[ServerSentEvent]:
    async for _ in ingestion.watch():
        yield ServerSentEvent(data=filled("_progress.html", ingestion=ingestion))
    yield closing()
