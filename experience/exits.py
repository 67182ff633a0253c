"""How errors and reports map to exit statuses, once for the command line and for batch jobs."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

from state.errors import (
    BadInput,
    BudgetExceeded,
    DependencyUnavailable,
    Forbidden,
    ModelOutputInvalid,
    PolicyRefusal,
    RunStopped,
    SixplaneError,
    Unauthenticated,
)

if TYPE_CHECKING:
    from state.report import Report


class Exit(IntEnum):
    """The exit statuses of `sixplane`."""

    DONE = 0
    BUG = 1
    BAD_INPUT = 2
    REFUSED = 3
    BUDGET_EXCEEDED = 4
    UNAVAILABLE = 5
    STOPPED = 6


_STATUSES: dict[type[SixplaneError], Exit] = {
    BadInput: Exit.BAD_INPUT,
    PolicyRefusal: Exit.REFUSED,
    Unauthenticated: Exit.REFUSED,
    Forbidden: Exit.REFUSED,
    BudgetExceeded: Exit.BUDGET_EXCEEDED,
    DependencyUnavailable: Exit.UNAVAILABLE,
    ModelOutputInvalid: Exit.UNAVAILABLE,
    RunStopped: Exit.STOPPED,
}

_REASONS = {
    "rejected_by_person": Exit.DONE,
    "retrieval_failed": Exit.UNAVAILABLE,
    "node_timeout": Exit.UNAVAILABLE,
}
"""The exit status of each stop reason that is not the code of an error."""


def exit_status(error: SixplaneError) -> Exit:
    """Return the exit status of an error: the entry of its nearest base class in the table."""
    return _status_of(type(error))


def report_status(report: Report) -> Exit:
    """Return the exit status of a finished run."""
    if report.status == "refused":
        return Exit.REFUSED
    # Before the general rule: a report can be `partial` because the budget was exceeded.
    if report.stop_reason == BudgetExceeded.code:
        return Exit.BUDGET_EXCEEDED
    if report.status != "stopped":
        return Exit.DONE
    return status_of_code(report.stop_reason)


def status_of_code(code: str) -> Exit:
    """Return the exit status of an error code or a stop reason."""
    kind = kind_of(code)
    return _status_of(kind) if kind else _REASONS.get(code, Exit.BUG)


def stop_error(report: Report) -> SixplaneError:
    """Return why a run stopped: the message and hint of the node that failed, or the hint of the stop reason."""
    failed = [event.detail for event in report.events if event.kind == "node_failed" and "; " in event.detail]
    if failed:
        message, _, hint = failed[-1].partition("; ")
        return SixplaneError(message, hint=hint)
    kind = kind_of(report.stop_reason) or SixplaneError
    default = "`sixplane doctor` checks what a run depends on; the trace names the node that failed"
    return SixplaneError("", hint=kind.default_hint or default)


def outage_of(report: Report) -> SixplaneError | None:
    """Return the outage that stopped a run, as an error; `None` if none did."""
    reason = report.stop_reason
    if report.status != "stopped" or status_of_code(reason) is not Exit.UNAVAILABLE:
        return None
    kind, why = kind_of(reason) or DependencyUnavailable, stop_error(report)
    return kind(why.message or f"the run stopped: {reason}", hint=why.hint)


def kind_of(code: str) -> type[SixplaneError] | None:
    """Return the error class whose code is `code`."""
    return next((kind for kind in _with_subclasses(SixplaneError) if kind.code == code), None)


def _with_subclasses(kind: type[SixplaneError]) -> list[type[SixplaneError]]:
    return [kind, *(deeper for child in kind.__subclasses__() for deeper in _with_subclasses(child))]


def _status_of(error: type[SixplaneError]) -> Exit:
    return next((_STATUSES[kind] for kind in error.__mro__ if kind in _STATUSES), Exit.BUG)
