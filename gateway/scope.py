"""Who asks: what a governed call is accounted to."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.account import Account
from state.values import Role


@dataclass(frozen=True)
class CallScope:
    """Everything a call is keyed by. `run_limit_micro_usd` is the hard limit of the run, `None` without one."""

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

    @property
    def account(self) -> Account:
        """Who is charged."""
        return Account(self.tenant, self.run_id, self.thread_id, self.run_limit_micro_usd)
