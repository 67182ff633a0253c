"""The notice that OCI gives with every answer of a model that it is about to retire."""

from __future__ import annotations

import re

from opentelemetry.trace import Span

from observability import notice
from state.values import MODEL_RETIRING

_UNPRINTABLE = re.compile(r"[^ -~]+")
_MOST_CHARS = 200


def notice_retirement(span: Span, model: str, said: str) -> None:
    """Record that `model` is about to retire: on the span of the call, and as an event of the report.

    `said` is the header `model-retirement-info`. Oracle does not document its form, so it is quoted, made printable and
    cut. The report shows equal events of this kind once, whatever node they come from.
    """
    told = _UNPRINTABLE.sub(" ", said)[:_MOST_CHARS].strip()
    span.set_attribute("sixplane.model_retirement", told)
    notice("", MODEL_RETIRING, f"OCI is about to retire {model}: {told}")
