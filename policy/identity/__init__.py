"""Principals: authentication of callers by API key or token, and their permissions."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from policy.identity.principal import Permission, Principal

if TYPE_CHECKING:
    from policy.identity.authenticator import Authenticator
    from policy.identity.keys import ApiKey, ApiKeys
    from policy.identity.tokens import TokenVerifier

__all__ = ["ApiKey", "ApiKeys", "Authenticator", "Permission", "Principal", "TokenVerifier"]

_MODULES = {"ApiKey": "keys", "ApiKeys": "keys", "Authenticator": "authenticator", "TokenVerifier": "tokens"}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module `policy.identity` has no attribute {name!r}")
    return getattr(import_module(f"policy.identity.{_MODULES[name]}"), name)
