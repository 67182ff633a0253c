"""Does the configured model endpoint answer?"""

from __future__ import annotations

from experience.service.models import HealthCheck
from settings import Settings

TIMEOUT_SECONDS = 5.0
NAME = "model endpoint"
_HINT = "start the server, or correct SIXPLANE_OPENAI__BASE_URL and SIXPLANE_OPENAI__API_KEY"


async def check_endpoint(settings: Settings) -> HealthCheck:
    """Return whether the OpenAI-compatible endpoint answers; where none is configured there is nothing to ask."""
    import httpx

    base = settings.openai.base_url.rstrip("/")
    if not base:
        return HealthCheck(name=NAME, ok=True, detail="none configured; the extractive model needs none")
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
