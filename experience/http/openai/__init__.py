"""Routes in OpenAI's wire format, for OpenAI's clients and chat front ends.

The model's name selects the corpus: `sixplane` uses the corpus `default`, `sixplane/NAME` uses `NAME`. Streamed text is
taken from the published report, so it starts after verification; SSE comments keep the connection open until then.
"""

from __future__ import annotations

from fastapi import APIRouter

from experience.http.openai import completions, embeddings, models, responses
from experience.http.openai_problems import OpenAIProblem
from experience.http.problems import PROBLEM_TEXTS

router = APIRouter(
    tags=["openai"],
    responses={status: {"model": OpenAIProblem, "description": text} for status, text in PROBLEM_TEXTS.items()},
)
for module in (models, completions, responses, embeddings):
    router.include_router(module.router)

__all__ = ["router"]
