"""Checks the OpenAI-compatible model endpoint."""

from __future__ import annotations

from experience.doctor.values import HealthCheck
from gateway.openai.pricing import check_priced
from settings import Settings
from settings.tree import named_models
from state.errors import PriceUnknown

TIMEOUT_SECONDS = 5.0
"""A chosen value: a server that needs longer to list its models is reported as unreachable."""
NAME = "model endpoint"
_HINT = "start the server, or correct SIXPLANE_OPENAI__BASE_URL and SIXPLANE_OPENAI__API_KEY"


async def check_endpoint(settings: Settings) -> HealthCheck:
    """Check that the OpenAI-compatible endpoint answers, and that its configured models have a price.

    The check passes if no endpoint is configured.
    """
    import httpx

    base = settings.openai.base_url.rstrip("/")
    if not base:
        return HealthCheck(name=NAME, ok=True, detail="not configured; the extractive model needs none")
    try:
        for model in sorted(named_models(settings)):
            if model.startswith("openai:"):
                check_priced(settings, model)
    except PriceUnknown as error:
        return HealthCheck(name=NAME, ok=False, detail=error.message, hint=error.hint)
    key = settings.openai.api_key.get_secret_value()
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    try:
        async with httpx.AsyncClient(timeout=TIMEOUT_SECONDS, headers=headers) as client:
            answer = await client.get(f"{base}/models")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return HealthCheck(name=NAME, ok=False, detail=f"{base} does not answer: {type(error).__name__}", hint=_HINT)
    ok = not answer.is_error
    return HealthCheck(
        name=NAME, ok=ok, detail=f"{base} answers with HTTP {answer.status_code}", hint="" if ok else _HINT
    )
