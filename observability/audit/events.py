"""What the audit trail records: names, ids, counts and outcomes, never a text of a user or a document."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from state.audit_kinds import AuditKind
from state.values import Value

Outcome = Literal["begun", "done", "refused", "failed"]
"""`begun` is written before a change and followed by a line with the same `id`, unless the process was killed."""

MAX_CHARS = 200
"""Most characters of a name or an id. A chosen value; a longer one is recorded as its SHA-256."""

MAX_IDS = 100
"""Most ids in one line. A chosen value: with it a line stays far below `chain.MAX_LINE`."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def _bounded(text: object) -> object:
    if not isinstance(text, str) or len(text) <= MAX_CHARS:
        return text
    return f"sha256:{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()}"


Name = Annotated[str, BeforeValidator(_bounded)]


class Actor(Value):
    """Who acts: a principal of a tenant. `method` says how it was recognised, or `command_line`."""

    principal: Name = ""
    tenant: Name = ""
    method: Name = ""


class AuditEvent(Value):
    """One event, before it becomes a line.

    Args:
        kind: its kind.
        operation: what was done, for example `search` or `revoke`.
        actor: who did it.
        object: on what, as `kind:name`; see `named`.
        ids: what it applies to, for example the ids of documents.
        counts: figures of its result, for example `{"added": 3}`.
        outcome: how it ended.
        reason: the code of the error, or the policy that refused.
        id: shared by the lines of one change.
    """

    kind: AuditKind
    operation: Name
    actor: Actor
    object: Name = ""
    ids: Annotated[tuple[Name, ...], Field(max_length=MAX_IDS)] = ()
    counts: dict[Name, int | None] = Field(default_factory=dict)
    outcome: Outcome = "done"
    reason: Name = ""
    id: str = Field(default_factory=lambda: secrets.token_hex(8))


def named(kind: str, name: str) -> str:
    """Return the `object` of an event. What is no name of ours may be a text of a user, and is left out."""
    return f"{kind}:{name}" if _NAME.fullmatch(name) else f"{kind}:?"


def in_pieces(event: AuditEvent, ids: Iterable[str]) -> list[AuditEvent]:
    """Return `event` with `ids`, as several events if one line cannot hold them."""
    given = list(ids)
    return [event.model_copy(update={"ids": tuple(given[n : n + MAX_IDS])}) for n in range(0, len(given), MAX_IDS)]


def operator(tenant: str = "") -> Actor:
    """Return the account of the operating system that runs this process, as an actor on `tenant`."""
    # Not `getpass.getuser`: it believes the environment, in which everyone can claim to be someone else.
    account = f"uid-{os.getuid()}" if hasattr(os, "getuid") else "operator"
    try:
        import pwd

        account = pwd.getpwuid(os.getuid()).pw_name
    except (ImportError, KeyError):  # Windows has no such module; a container may have no entry for its user
        pass
    return Actor(principal=account, tenant=tenant, method="command_line")
