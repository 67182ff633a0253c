"""Principals and their permissions."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from state.errors import Forbidden
from state.values import Value


class Permission(StrEnum):
    """A permission. `admin` includes all others, also on threads and runs of other principals of the tenant."""

    ASK = "ask"
    INGEST = "ingest"
    DELETE = "delete"
    COST = "cost"
    ADMIN = "admin"


class Principal(Value):
    """An authenticated caller.

    Args:
        id: the principal's id within its tenant.
        tenant: the tenant whose corpora, threads and budget it uses.
        roles: its permissions.
        audiences: the audiences whose passages it sees, besides passages without an audience.
        method: how it was authenticated.
    """

    id: str
    tenant: str
    roles: tuple[Permission, ...]
    audiences: tuple[str, ...] = ()
    method: Literal["api_key", "oidc", "loopback"]

    @property
    def is_admin(self) -> bool:
        """Whether it has every permission within its tenant."""
        return Permission.ADMIN in self.roles

    def may(self, permission: Permission) -> bool:
        """Return whether the principal has `permission`."""
        return self.is_admin or permission in self.roles

    def require(self, permission: Permission) -> None:
        """Raise `Forbidden` unless the principal has `permission`."""
        if not self.may(permission):
            raise Forbidden(
                f"the role {permission.value!r} is missing", hint="ask an administrator of the tenant for it"
            )
