"""Leases of threads: who holds one, whether its process still lives, and the clock that they run by.

No lease runs by a clock that somebody can set. In Oracle Database it is the database's, the same for all processes. A
SQLite file has processes of one machine only, and they share the seconds since it started.
"""

from __future__ import annotations

import os
import secrets
import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from settings.connections.sql import MONOTONIC

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_SINCE_1970 = 1_000_000_000
"""More seconds than any machine has been up."""


class lease_clock(FunctionElement[float]):  # noqa: N801 - a function of SQL
    """The seconds that leases are counted in."""

    type = sa.Float()
    inherit_cache = True


@compiles(lease_clock, "sqlite")
def _sqlite_clock(*_: Any, **__: Any) -> str:
    return f"{MONOTONIC}()"


@compiles(lease_clock, "oracle")
def _oracle_clock(*_: Any, **__: Any) -> str:
    return "((CAST(SYS_EXTRACT_UTC(SYSTIMESTAMP) AS DATE) - DATE '1970-01-01') * 86400)"


def new_owner() -> str:
    """Return a name for one holder of a lease in this process."""
    # The random part distinguishes the runs of one process, and a process that got a dead process's id.
    return f"{socket.gethostname()}/{_boot()}/{os.getpid()}/{secrets.token_hex(4)}"


@dataclass(frozen=True)
class Lease:
    """What one run, deletion or sweep holds of a thread.

    Two of them never share an owner, not even in one process: what ends late must not release the lease of a newer one.
    """

    tenant: str
    thread_id: str
    owner: str = field(default_factory=new_owner)


def is_live(row: Any) -> bool:
    """Return whether somebody holds the lease of a thread's row, which has the time as `clock`.

    The lease of a dead process of this machine does not count, so that a run that was killed here resumes at once
    instead of after `lease_seconds`.
    """
    return bool(row["lease_owner"]) and row["lease_until"] >= row["clock"] and not has_died(row)


def has_died(row: Any) -> bool:
    """Return whether the process that took the lease of a row is certainly gone, so that nobody will renew it."""
    host, boot, process = _parts(row["lease_owner"])
    here, other_boot = host == socket.gethostname(), boot != _boot()
    # Seconds since the machine started mean nothing after it has started again.
    if other_boot and (here or row["clock"] < _SINCE_1970):
        return True
    return here and not _alive(process)


def _parts(owner: str) -> tuple[str, str, int]:
    """Return host, boot and process of an owner; that of an earlier release names no boot."""
    host, *others, process, _ = owner.split("/")
    return host, "".join(others), int(process)


def _boot() -> str:
    """Return what identifies the time since this machine was started; empty where the system does not say."""
    try:
        return _BOOT.read_text(encoding="ascii")[:8]
    except OSError:
        return ""


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it exists and belongs to another user
        return True
    return True
