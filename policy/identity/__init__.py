"""Who asks, and what they may."""

from __future__ import annotations

from policy.identity.principal import Permission, Principal

__all__ = ["Permission", "Principal"]
