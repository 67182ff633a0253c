"""The model gateway: catalogue, providers, budget ledger, and governed calls to models.

Names are imported on first use: `import gateway` must stay cheap for commands that only read the catalogue.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gateway.catalog import Catalog, ModelEntry, catalog_of, load_catalog
    from gateway.extractive.chat import ExtractiveChatModel
    from gateway.gateway import Gateway
    from gateway.governed import GovernedChatModel
    from gateway.governor import Governor
    from gateway.ledger.account import CallScope
    from gateway.ledger.ledger import Ledger
    from gateway.scripted import Answer, ScriptedChatModel

_MODULES = {
    "Answer": "scripted",
    "CallScope": "ledger.account",
    "Catalog": "catalog",
    "ExtractiveChatModel": "extractive.chat",
    "Gateway": "gateway",
    "GovernedChatModel": "governed",
    "Governor": "governor",
    "Ledger": "ledger.ledger",
    "ModelEntry": "catalog",
    "ScriptedChatModel": "scripted",
    "catalog_of": "catalog",
    "load_catalog": "catalog",
}

__all__ = [
    "Answer",
    "CallScope",
    "Catalog",
    "ExtractiveChatModel",
    "Gateway",
    "GovernedChatModel",
    "Governor",
    "Ledger",
    "ModelEntry",
    "ScriptedChatModel",
    "catalog_of",
    "load_catalog",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module `gateway` has no attribute {name!r}")
    return getattr(import_module(f"gateway.{_MODULES[name]}"), name)
