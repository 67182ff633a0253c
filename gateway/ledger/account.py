"""Who pays for a call: the account of a run, and the scope of one governed call within it.

Embeddings, reranking and guardrails are called through LangChain interfaces that have no parameter for a run, so a
context variable carries the account to them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from state.values import Role


@dataclass(frozen=True)
class Account:
    """The tenant, run and principal to charge, and the run's hard limit in micro-dollars, `None` for no limit."""

    tenant: str = "local"
    run_id: str = "unattended"
    thread_id: str = ""
    run_limit_micro_usd: int | None = None
    principal: str = ""


@dataclass(frozen=True)
class CallScope:
    """What identifies the calls of one task. `run_limit_micro_usd` is the run's hard limit, `None` for no limit."""

    tenant: str
    run_id: str
    thread_id: str
    task_id: str
    attempt: int
    role: Role
    model: str
    temperature: float = 0.0
    max_output_tokens: int = 2048
    run_limit_micro_usd: int | None = None
    principal: str = ""

    @property
    def account(self) -> Account:
        """The account that is charged."""
        return Account(self.tenant, self.run_id, self.thread_id, self.run_limit_micro_usd, self.principal)


_current: ContextVar[Account] = ContextVar("sixplane_account", default=Account())  # noqa: B039 - the default is frozen


def current_account() -> Account:
    """Return the account of the running task."""
    return _current.get()


@contextmanager
def accounted(account: Account) -> Iterator[None]:
    """Charge calls made inside the block, and by tasks started in it, to `account`."""
    token = _current.set(account)
    try:
        yield
    finally:
        _current.reset(token)
