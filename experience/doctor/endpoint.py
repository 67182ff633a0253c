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


async def check_endpoint(settings: Settings) -> tuple[HealthCheck, ...]:
    """Check that the OpenAI-compatible endpoint answers, and that its configured models have a price.

    Without an endpoint the check fails if a model needs one, and says that none is needed if the model is built in.
    OCI's models have checks of their own, so nothing is said of an endpoint where there are only those.
    """
    named = sorted(model for model in named_models(settings) if model.startswith("openai:"))
    if settings.openai.base_url:
        return (await _answering(settings, named),)
    if named or settings.models.provider == "openai":
        hint = "set SIXPLANE_OPENAI__BASE_URL, for example to http://127.0.0.1:8080/v1"
        return (HealthCheck(name=NAME, ok=False, detail="the address of the server is not set", hint=hint),)
    if settings.models.provider == "extractive":
        return (HealthCheck(name=NAME, ok=True, detail="none; the built-in extractive model needs none"),)
    return ()


async def _answering(settings: Settings, named: list[str]) -> HealthCheck:
    import httpx

    base = settings.openai.base_url.rstrip("/")
    try:
        for model in named:
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
