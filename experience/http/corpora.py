"""Routes for corpora: list, describe, search, and ingest uploaded files."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from contextlib import ExitStack, aclosing
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Query, Request, Response, UploadFile
from fastapi.routing import APIRoute
from pydantic import BaseModel, StringConstraints
from sse_starlette import EventSourceResponse, ServerSentEvent

from experience.http.bodies import CorpusId, SearchRequest
from experience.http.callers import KNOWN_PARAMETERS, AtDesk, Caller, principal_of
from experience.http.events import sent, stream_of
from experience.http.ingest_events import sent_error, sent_event
from experience.http.sizes import MAX_FILES
from experience.ingest_progress import Tell, followed
from experience.service.desk import Desk
from policy import SafePassages
from policy.identity import Permission, Principal
from retrieval import IngestProgress, IngestReport, Manifest, Removal
from retrieval.loaders.uploads import load_uploads
from settings.pools import IO
from state.access import MAX_AUDIENCES
from state.errors import BadInput
from state.report import CorpusRef

router = APIRouter(prefix="/v1/corpora", tags=["corpora"])

UPLOADS = re.compile(r"/v1/corpora/[^/]+/documents(/stream)?")
"""The paths whose bodies may have `server.max_upload_bytes`."""

_MOST_FIELDS = MAX_AUDIENCES + 10
"""Fields of an upload beside its files: more than a label has audiences, so that one too many is named."""

_LONGEST_NAME = 255
"""Bytes in a file name that common file systems accept (`NAME_MAX` on Linux)."""

_LABELS = "The documents are for these audiences, if they name none themselves; `*`: for the whole tenant. "
_KEPT = "Without it, a document that is uploaded again keeps its audience."


PROGRESS_SECONDS = 1.0
"""Seconds between the events of an ingestion. A chosen value; a file that fails is told at once."""

INGEST_STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Events as JSON in `data`: `progress`, `failed`, and as the last one `report` or `error`.",
        "content": stream_of("IngestEvent"),
    }
}

DocumentId = Annotated[str, StringConstraints(min_length=1, max_length=1000)]


class UploadForm(Request):
    """A request whose form is given up at the first file or field that is too much."""

    def form(self, **limits: Any) -> Any:
        """Return the form, parsed within the limits of an upload."""
        return super().form(**{**limits, "max_files": MAX_FILES, "max_fields": _MOST_FIELDS})


class UploadRoute(APIRoute):
    """Checks the caller's role before the files are read: 50 MB for a request that must fail are too much."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler of the route."""
        handle = super().get_route_handler()

        async def checked(request: Request) -> Response:
            principal = principal_of(request)
            desk: Desk = request.app.state.desk
            async with desk.watched(principal, "ingest", request.path_params["corpus"]):
                principal.require(Permission.INGEST)
            return await handle(UploadForm(request.scope, request.receive))

        return checked


class CorpusList(BaseModel):
    """The corpora of the tenant."""

    corpora: list[CorpusRef]


uploads = APIRouter(route_class=UploadRoute)

Files = Annotated[list[UploadFile], File(min_length=1, max_length=MAX_FILES)]
Audience = Annotated[list[str] | None, Form(description=f"{_LABELS}{_KEPT}")]


@router.get("", operation_id="listCorpora")
async def corpora(caller: Caller, desk: AtDesk) -> CorpusList:
    """List the tenant's corpora."""
    return CorpusList(corpora=await desk.corpora(caller))


@router.get("/{corpus}", operation_id="getCorpus")
async def manifest(corpus: CorpusId, caller: Caller, desk: AtDesk) -> Manifest:
    """Describe a corpus: its counts, models and documents. Only callers who may ingest see the document names."""
    return await desk.manifest(caller, corpus)


@router.post("/{corpus}/search", operation_id="search")
async def search(corpus: CorpusId, asked: SearchRequest, caller: Caller, desk: AtDesk) -> SafePassages:
    """Find passages, with their scores from each retrieval stage. What a guard refuses is left out and counted."""
    return await desk.search(caller, corpus, asked.query, k=asked.k, mode=asked.mode, where=asked.where)


@router.delete("/{corpus}", operation_id="deleteCorpus", status_code=204)
async def delete(corpus: CorpusId, caller: Caller, desk: AtDesk) -> None:
    """Delete a corpus for good, with all its documents. Reports that cite it verify as pruned."""
    await desk.delete_corpus(caller, corpus)


@router.delete("/{corpus}/documents", operation_id="deleteDocuments", dependencies=[KNOWN_PARAMETERS])
async def remove(
    corpus: CorpusId, document: Annotated[list[DocumentId], Query(min_length=1)], caller: Caller, desk: AtDesk
) -> Removal:
    """Take documents out of search, by id, or all in a folder by its name. Reports that cite them still verify."""
    return await desk.remove(caller, corpus, document)


@uploads.post("/{corpus}/documents", operation_id="ingest")
async def ingest(
    corpus: CorpusId,
    files: Files,
    caller: Caller,
    desk: AtDesk,
    audience: Audience = None,
) -> IngestReport:
    """Ingest uploaded files. Unchanged files are skipped; files that cannot be read are reported and skipped."""
    return await _ingested(corpus, files, caller, desk, audience)


@uploads.post(
    "/{corpus}/documents/stream",
    operation_id="streamIngest",
    responses=INGEST_STREAM,
    response_class=EventSourceResponse,
)
async def ingest_stream(
    corpus: CorpusId, files: Files, caller: Caller, desk: AtDesk, audience: Audience = None
) -> EventSourceResponse:
    """Ingest uploaded files and stream the progress. Whoever disconnects ends the ingestion; what it stored is kept."""
    events = followed(lambda tell: _ingested(corpus, files, caller, desk, audience, tell), PROGRESS_SECONDS)
    # The first one is awaited here, where an error is still a response of its own: after the response has started, it
    # can only be an event.
    return sent(_encoded(await anext(events), events, len(files)))


router.include_router(uploads)


async def _ingested(
    corpus: str,
    files: list[UploadFile],
    caller: Principal,
    desk: Desk,
    audience: list[str] | None,
    progress: Tell | None = None,
) -> IngestReport:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sixplane-")))
        await IO.run(store_uploads, files, folder)  # up to `max_upload_bytes` to disk would block the event loop
        given = load_uploads(folder, desk.service.settings)
        return await desk.ingest(caller, corpus, given, audience=audience, progress=progress)


async def _encoded(
    first: IngestProgress | IngestReport, rest: AsyncGenerator[IngestProgress | IngestReport], files: int
) -> AsyncIterator[ServerSentEvent]:
    async with aclosing(rest):
        try:
            yield sent_event(first, files)
            async for each in rest:
                yield sent_event(each, files)
        except Exception as error:  # noqa: BLE001 - the response has started: the error can only be its last event
            yield sent_error(error)


def store_uploads(files: list[UploadFile], folder: Path) -> None:
    """Write uploaded files below `folder`. Raises `BadInput` for a name that no file can have."""
    for number, file in enumerate(files):
        # The client chooses the name. Only its last part is kept, so that the file cannot leave `folder`.
        name = PurePosixPath((file.filename or "").replace("\\", "/")).name
        if not name or name.startswith("."):
            raise BadInput(
                "a file has no name, or its name starts with a dot",
                hint="give each file a name with a suffix; the suffix selects the format",
            )
        if len(name.encode()) > _LONGEST_NAME:
            raise BadInput(f"a file name is longer than {_LONGEST_NAME} bytes", hint="send it under a shorter name")
        place = folder / f"{number:03}"  # a folder per file: two files of one upload may have the same name
        place.mkdir()
        with (place / name).open("wb") as stream:
            shutil.copyfileobj(file.file, stream)
