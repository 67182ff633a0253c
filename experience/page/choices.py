"""What a person can choose from."""

from __future__ import annotations

from gateway import load_catalog
from settings import Settings
from state.values import EXTRACTIVE


def models_of(settings: Settings) -> list[str]:
    """Return the chat models that a person can choose: those of the configured provider, and the built-in one.

    The default comes first. A catalogue's pattern, such as `openai:*`, names no model and is left out.
    """
    models = settings.models
    listed = [
        entry.id
        for entry in load_catalog(prices=models.prices_micro_usd).listed()
        if entry.provider == models.provider and "chat" in entry.capabilities and "*" not in entry.id
    ]
    named = [models.default, *models.roles.values(), *models.fallbacks]
    return [*dict.fromkeys(filter(None, (*named, *listed, EXTRACTIVE)))]
