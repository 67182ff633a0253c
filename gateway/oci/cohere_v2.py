"""langchain-oci's adapter of Cohere's second chat format. Import it lazily: langchain-oci is slow to load."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langchain_core.messages import BaseMessage
from langchain_oci.chat_models.providers import CohereProvider


class CohereV2Provider(CohereProvider):  # type: ignore[misc]  # upstream is untyped
    """Speaks COHEREV2 always. langchain-oci 0.4.0 speaks it only where a prompt holds an image or an id says vision."""

    def messages_to_oci_params(self, messages: Sequence[BaseMessage], **kwargs: Any) -> dict[str, Any]:
        """Return the fields of a request in COHEREV2."""
        self._load_v2_classes()
        found: dict[str, Any] = self._messages_to_oci_params_v2(messages, **kwargs)
        return found
