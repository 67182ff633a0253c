"""Errors in OpenAI's format, with the types and codes that its clients know."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticCustomError

from settings.faults import words_of
from state.errors import BadInput, BudgetExceeded, CorpusMissing, ModelUnknown, RateLimited, TooBusy, Unauthenticated

_PATHS = re.compile(r"/v1/(chat/completions|responses|embeddings|models(/.*)?)", re.DOTALL)

_CODES = {
    Unauthenticated.code: "invalid_api_key",
    CorpusMissing.code: "model_not_found",
    ModelUnknown.code: "model_not_found",
    TooBusy.code: "rate_limit_exceeded",
    RateLimited.code: "rate_limit_exceeded",
    BudgetExceeded.code: "insufficient_quota",
}
"""OpenAI's code for ours, where it has one. Others keep ours."""

_UNSUPPORTED = "unsupported_value"


class Unsupported(BadInput):
    """The request asks for what OpenAI has and Sixplane does not support.

    Args:
        param: the parameter, as OpenAI writes it.
        message: what is not supported.
        hint: what to do instead.
    """

    code = _UNSUPPORTED

    def __init__(self, param: str, message: str, *, hint: str) -> None:
        super().__init__(message, hint=hint)
        self.param = param


class OpenAIFault(BaseModel):
    """The detail and the hint of a problem in one message, and the parameter that is wrong."""

    message: str
    type: str
    param: str | None = None
    code: str


class OpenAIProblem(BaseModel):
    """An error response in OpenAI's format."""

    error: OpenAIFault


def speaks_openai(path: str) -> bool:
    """Return whether the clients of `path` expect errors in OpenAI's format: they show the message of no other."""
    return _PATHS.fullmatch(path) is not None


def unsupported(reason: str) -> PydanticCustomError:
    """Return the error of a validator that refuses a parameter which OpenAI has and we do not support."""
    return PydanticCustomError(_UNSUPPORTED, "{reason}", {"reason": reason})


def openai_fault(*, status: int, code: str, message: str, param: str | None = None) -> OpenAIProblem:
    """Return an error in OpenAI's format.

    Args:
        status: the HTTP status, which decides the type.
        code: OpenAI's code, or ours.
        message: what is wrong and what to do about it.
        param: the parameter that is wrong, as OpenAI writes it, for example `messages[0].role`.
    """
    kind = {429: "requests", 402: "insufficient_quota"}.get(
        status, "invalid_request_error" if status < 500 else "server_error"
    )
    return OpenAIProblem(error=OpenAIFault(message=message, type=kind, param=param, code=_CODES.get(code, code)))


def invalid_request(errors: Sequence[Mapping[str, Any]], places: Sequence[str]) -> OpenAIProblem:
    """Return the error of a request that does not fit its schema.

    Args:
        errors: pydantic's errors.
        places: the path of each, as the sender knows it.
    """
    if not errors:
        return openai_fault(status=400, code="invalid_request", message="the request cannot be read")
    # Of the alternatives that a value may be, those of another type say nothing about it.
    kinds = [_code_of(str(each["type"])) for each in errors]
    told = next((n for n, kind in enumerate(kinds) if kind != "invalid_type"), 0)
    param, message = _parameter(places[told]), words_of(errors[told])
    return openai_fault(status=400, code=kinds[told], message=f"{param}: {message}", param=param)


def _code_of(kind: str) -> str:
    if kind in ("missing", _UNSUPPORTED):
        return {"missing": "missing_required_parameter"}.get(kind, kind)
    return "invalid_type" if kind.endswith(("_type", "_parsing")) else "invalid_value"


def _parameter(place: str) -> str:
    """Return a path as OpenAI writes it: `body.messages.0.role` is `messages[0].role`."""
    return re.sub(r"\.(\d+)(?=\.|$)", r"[\1]", place.removeprefix("body."))
