"""What a validation found, in words."""

from __future__ import annotations

from pydantic import ValidationError


def faults_of(error: Exception) -> str:
    """Return each fault with the key that has it; values, which may be secrets, are left out."""
    if not isinstance(error, ValidationError):
        return str(error)
    return "; ".join(f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}" for fault in error.errors())
