"""A principal: who asks, of which tenant, with which permissions."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from state.errors import Forbidden
from state.values import Value


class Permission(StrEnum):
    """What a principal may do. `admin` may everything, also on what other principals of its tenant own."""

    ASK = "ask"
    INGEST = "ingest"
    DELETE = "delete"
    COST = "cost"
    ADMIN = "admin"


class Principal(Value):
    """Who asks.

    Args:
        id: of the principal within its tenant.
        tenant: whose corpora, threads and money.
        roles: what it may.
        audiences: which guarded passages it sees.
        method: how it was authenticated.
    """

    id: str
    tenant: str
    roles: tuple[Permission, ...]
    audiences: tuple[str, ...] = ()
    method: Literal["api_key", "oidc", "loopback"]

    @property
    def is_admin(self) -> bool:
        """Whether it may everything within its tenant."""
        return Permission.ADMIN in self.roles

    def require(self, permission: Permission) -> None:
        """Raise `Forbidden` unless it may do that."""
        if permission not in self.roles and not self.is_admin:
            raise Forbidden(
                f"the role {permission.value!r} is missing", hint="ask an administrator of the tenant for it"
            )
