"""What each role's calls used, collected while a node runs.

The governor reports each call here; the wrapper of a node collects the reports of its attempt and adds them to the
run's state. The dictionary travels in a context variable, since calls without a role (embeddings, reranking,
guardrails) are made through interfaces that have no parameter for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

from state.values import Usage

_collected: ContextVar[dict[tuple[str, str], Usage] | None] = ContextVar("sixplane_role_usage", default=None)


@contextmanager
def collected_usage() -> Iterator[Mapping[tuple[str, str], Usage]]:
    """Collect what the calls made inside the block use, and those of tasks started in it; `by_role` sums it up."""
    found: dict[tuple[str, str], Usage] = {}
    token = _collected.set(found)
    try:
        yield found
    finally:
        _collected.reset(token)


def report_usage(role: str, key: str, usage: Usage, *, recalled: Usage | None = None) -> None:
    """Add the usage of one call to what is being collected.

    Args:
        role: the role that made the call, or the operation of a call without one.
        key: identifies the call within the run.
        usage: what its attempts used.
        recalled: what its answer used once, if it came from the memo. It counts if the call is not yet among the
            collected ones: then another process paid for it and died before its node ended.
    """
    collected = _collected.get()
    if collected is None:
        return
    if recalled is not None and (role, key) not in collected:
        usage = usage + recalled
    collected[role, key] = collected.get((role, key), Usage()) + usage


def by_role(collected: Mapping[tuple[str, str], Usage]) -> dict[str, Usage]:
    """Return the collected usage summed up by role."""
    found: dict[str, Usage] = {}
    for (role, _), usage in collected.items():
        found[role] = found.get(role, Usage()) + usage
    return {role: usage for role, usage in found.items() if usage != Usage()}


def with_rest(roles: Mapping[str, Usage], whole: Usage) -> dict[str, Usage]:
    """Return the usage by role with what is left of `whole` as `other`, so that the parts add up to the run's usage.

    Left over are calls before the graph starts (guards that call a model screen the question), those of node attempts
    that failed, and those that were in flight when a process died.
    """
    known = sum(roles.values(), Usage())
    left = Usage(**{name: max(getattr(whole, name) - getattr(known, name), 0) for name in Usage.model_fields})
    return {**roles, **({"other": left} if left != Usage() else {})}
