"""`GET /v1/models`: a model for each corpus that the caller may ask."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from experience.http.callers import AtDesk, Caller
from experience.http.openai.requests import DEFAULT_CORPUS, MODEL, corpus_of
from experience.service.desk import Desk
from policy.identity import Principal
from state.errors import CorpusMissing

router = APIRouter()


@router.get("/v1/models", operation_id="listModels")
async def models(caller: Caller, desk: AtDesk) -> dict[str, Any]:
    """List one model per corpus of the tenant."""
    return {"object": "list", "data": [_model(name) for name in await _names(caller, desk)]}


@router.get("/v1/models/{model:path}", operation_id="getModel")
async def model(model: str, caller: Caller, desk: AtDesk) -> dict[str, Any]:
    """Return a model: `sixplane/NAME`, or `sixplane` if there is a corpus `default`."""
    corpus = corpus_of(model) or DEFAULT_CORPUS
    async with desk.watched(caller, "model", corpus):
        if f"{MODEL}/{corpus}" not in await _names(caller, desk):
            raise CorpusMissing(f"there is no model {model[:80]!r}", hint="`GET /v1/models` lists them")
    return _model(model)


async def _names(caller: Principal, desk: Desk) -> list[str]:
    return [f"{MODEL}/{corpus.name}" for corpus in await desk.corpora(caller)]


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": MODEL}
