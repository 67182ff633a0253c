"""Routes in OpenAI's wire format."""

from __future__ import annotations

from experience.http.openai.completions import router

__all__ = ["router"]
