"""On whose account calls are made: embeddings, reranking and guardrails are called where no run is known."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True)
class Account:
    """Tenant and run that are charged, and the run's hard limit in micro-dollars, `None` without one."""

    tenant: str = "local"
    run_id: str = "unattended"
    thread_id: str = ""
    run_limit_micro_usd: int | None = None


_current: ContextVar[Account] = ContextVar("sixplane_account", default=Account())  # noqa: B039 - it is frozen


def current_account() -> Account:
    """Return the account of the running task."""
    return _current.get()


@contextmanager
def accounted(account: Account) -> Iterator[None]:
    """Charge the calls of the block, and of the tasks that it starts, to `account`."""
    token = _current.set(account)
    try:
        yield
    finally:
        _current.reset(token)
