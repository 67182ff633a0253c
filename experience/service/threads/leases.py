"""Leases of threads: who holds one, and whether its process still lives."""

from __future__ import annotations

import os
import secrets
import socket
from datetime import UTC, datetime
from typing import Any


def new_owner() -> str:
    """Return a name for a holder of leases in this process."""
    # The random part distinguishes two services in one process, and a process that got a dead process's id.
    return f"{socket.gethostname()}/{os.getpid()}/{secrets.token_hex(4)}"


def is_live(row: Any) -> bool:
    """Return whether a process holds the lease of a thread's row.

    The lease of a dead process of this machine does not count, so that a run that was killed here resumes at once
    instead of after `lease_seconds`.
    """
    if not row["lease_owner"] or row["lease_until"] < datetime.now(UTC).timestamp():
        return False
    host, process, _ = row["lease_owner"].split("/")
    return host != socket.gethostname() or _alive(int(process))


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it exists and belongs to another user
        return True
    return True
