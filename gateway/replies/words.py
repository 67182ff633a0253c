"""What the words of a service's error mean, where its status alone does not say.

Read from the documentation and the issue threads of the services behind OCI's two APIs and of common servers (OpenAI,
Azure, xAI, Gemini, Cohere, Mistral, vLLM, llama.cpp). They agree on no code, so these are searched in code and message.
"""

from __future__ import annotations

import re

_REFUSES = re.compile(
    r"inappropriate content|error_toxic|prohibited_content|safety_check|responsible ?ai"
    r"|content[ _](?:filter|policy|safety|management policy)|image_content_policy"
    r"|violat\w+ (?:of )?(?:our |the |openai's )?(?:usage|content) (?:guidelines|polic)",
    re.IGNORECASE,
)
_TOO_LONG = re.compile(
    r"context[ _](?:length|window|size)|maximum (?:context|prompt) length|too many tokens|prompt is too long"
    r"|input token count|exceeds? the maximum (?:number of )?tokens",
    re.IGNORECASE,
)
_NO_MODEL = re.compile(
    r"entity with key|model_not_found|no model\b|model\b.{0,80}\b(?:not found|does not exist|is not available)",
    re.IGNORECASE,
)


def refuses_content(said: str) -> bool:
    """Return whether a content filter refused the request."""
    return _REFUSES.search(said) is not None


def finds_too_long(said: str) -> bool:
    """Return whether the prompt does not fit into the model's context."""
    return _TOO_LONG.search(said) is not None


def knows_no_model(said: str) -> bool:
    """Return whether the service does not serve the model."""
    return _NO_MODEL.search(said) is not None
