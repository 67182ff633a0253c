"""Asks a model behind an OpenAI-compatible endpoint, again without each field that the endpoint refuses."""

from __future__ import annotations

import time
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from opentelemetry import trace
from pydantic import BaseModel

from gateway.ledger.account import CallScope
from gateway.metering import counted, timed
from gateway.openai.answers import whole_answer
from gateway.openai.dialect import Dialect, format_of, text_of
from gateway.openai.failures import ADDRESS_HINT, NoCompletionError, failed_response
from gateway.provider_error import ProviderError


async def ask_openai(
    model: BaseChatModel,
    messages: list[BaseMessage],
    scope: CallScope,
    dialect: Dialect,
    schema: type[BaseModel] | None,
    **options: Any,
) -> AIMessage:
    """Return the endpoint's answer, in `schema` if one is given.

    A field that the endpoint refuses is left out, and the request sent again.

    The fields go through `extra_body`: if langchain-openai sees a `response_format`, it parses the answer itself and
    fails on truncated ones.

    Raises:
        ProviderError: the endpoint failed in a way that its own failure table knows, or answered with something other
            than a completion.
    """
    while True:
        body = dialect.body(scope, schema)
        began = time.monotonic()
        try:
            answer = await model.ainvoke(messages, extra_body=body, **options)
            answer = timed(whole_answer(answer, streamed=getattr(model, "streaming", False)), time.monotonic() - began)
            return counted(answer, text_of(format_of(body))) if schema else answer
        except ProviderError:
            raise
        # A body that is not a chat completion fails inside langchain-openai with one of these, not with a typed error.
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            failed = failed_response(error)
            hint = getattr(model, "address_hint", ADDRESS_HINT)
            raise (failed or NoCompletionError(hint)) from error
        except Exception as error:  # inspected only: an error that refuses no field is raised again
            if not dialect.learns_from(error, body):
                _raise_as_failure(model, error)
                raise
            trace.get_current_span().add_event("sixplane.dialect", {"refused": sorted(dialect.refused)})


def _raise_as_failure(model: BaseChatModel, error: Exception) -> None:
    """Raise `ProviderError` if the model's endpoint has a failure table of its own that knows the error."""
    failure_of = getattr(model, "failure_of", None)
    failure = failure_of(error) if failure_of else None
    if failure is not None:
        raise ProviderError(failure) from error
