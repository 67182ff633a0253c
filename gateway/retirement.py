"""The notice that OCI gives with every answer of a model that it is about to retire."""

from __future__ import annotations

import re
from collections.abc import Mapping

from opentelemetry import trace

from observability import notice
from state.values import MODEL_RETIRING

_UNPRINTABLE = re.compile(r"[^ -~]+")
_MOST_CHARS = 200


def notice_retirement(model: str, headers: Mapping[str, str]) -> None:
    """Record that `model` is about to retire, if the headers of its answer say so: on the span, and in the report.

    Oracle does not document what the header holds, so it is quoted, made printable and cut. The report shows equal
    events of this kind once, whatever node they come from.
    """
    said = headers.get("model-retirement-info")
    if not said:
        return
    told = _UNPRINTABLE.sub(" ", said)[:_MOST_CHARS].strip()
    trace.get_current_span().set_attribute("sixplane.model_retirement", told)
    notice("", MODEL_RETIRING, f"OCI is about to retire {model}: {told}")
