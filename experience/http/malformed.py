"""The error response of a request that FastAPI could not read: which of its fields are wrong, in its sender's words."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse

from experience.http.openai_problems import invalid_request, speaks_openai
from experience.http.problems import Fault, Problem, answer
from settings.faults import words_of
from state.errors import BadInput

_OUR_NAMES = re.compile(r"\A(?:Question|Conversation|Chat)Request\Z|[\[\]()]|\Aconstrained-")
"""Parts of a pydantic path that are no field: the kinds of a union, and types of the alternatives."""


async def malformed(request: Request, error: Exception) -> JSONResponse:
    """Return the error response of a request that does not fit its schema."""
    given: Any = error.errors() if isinstance(error, RequestValidationError) else []
    if speaks_openai(request.url.path):
        told = invalid_request(given, [_place(fault["loc"]) for fault in given])
        return JSONResponse(told.model_dump(mode="json"), status_code=400)
    faults = [Fault(place=_place(fault["loc"]), message=words_of(fault)) for fault in given]
    first = f"{faults[0].place}: {faults[0].message}" if faults else "the request cannot be read"
    return answer(
        Problem(
            title="the request is invalid",
            status=422,
            detail=first,
            code=BadInput.code,
            hint="`/openapi.json` describes valid requests",
            faults=faults,
        ),
        path=request.url.path,
    )


def _place(path: Iterable[Any]) -> str:
    """Return the path of a field as the sender of a request knows it, without the names of our classes and types."""
    return ".".join(str(part) for part in path if not _OUR_NAMES.search(str(part)))
