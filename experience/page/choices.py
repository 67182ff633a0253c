"""What a person can choose from."""

from __future__ import annotations

from gateway import Catalog
from settings.tree import ModelSettings
from state.values import EXTRACTIVE


def models_of(catalog: Catalog, models: ModelSettings) -> list[str]:
    """Return the chat models that a person can choose: those of the configured provider, and the built-in one.

    The default comes first. A catalogue's pattern, such as `openai:*`, names no model and is left out.
    """
    listed = [
        entry.id
        for entry in catalog.listed()
        if entry.provider == models.provider
        and entry.chats
        and "*" not in entry.id
        and entry.input_price is not None
        and entry.recommendable(catalog.today())
    ]
    named = [models.default, *models.roles.values(), *models.fallbacks]
    return [*dict.fromkeys(filter(None, (*named, *listed, EXTRACTIVE)))]
