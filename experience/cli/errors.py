"""From errors to exit statuses, once for all commands, by the class tree of `state.errors`."""

from __future__ import annotations

import functools
import inspect
import os
import sys
from collections.abc import Callable
from enum import IntEnum
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from experience.cli.output import note, print_json
from experience.errors import known_error
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
    """What the exit status says."""

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
"""Stop reasons of the graph that are no error's code."""

_DebugOption = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
_DEBUG = inspect.Parameter("debug", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=_DebugOption)


def exit_status(error: SixplaneError) -> Exit:
    """Return the exit status of an error: that of its nearest ancestor in the table."""
    return _status_of(type(error))


def report_status(report: Report) -> Exit:
    """Return the exit status of a finished run."""
    if report.status == "refused":
        return Exit.REFUSED
    if report.stop_reason == BudgetExceeded.code:
        return Exit.BUDGET_EXCEEDED
    if report.status != "stopped":
        return Exit.DONE
    return status_of_code(report.stop_reason)


def tell_stop(report: Report) -> None:
    """Say on standard error why a run stopped before it had an answer, and what helps."""
    if report.status != "stopped" or report_status(report) is Exit.DONE:
        return
    told = stop_error(report)
    kind = _kinds().get(report.stop_reason, SixplaneError)
    what = next(iter((kind.__doc__ or "").splitlines())).rstrip(".") if kind is not SixplaneError else "the run stopped"
    note(f"error: {report.stop_reason}: {what[0].lower()}{what[1:]}")
    if told.message:
        note(f"error: {told.message}")
    note(f"hint: {told.hint}")


def stop_error(report: Report) -> SixplaneError:
    """Return what the failed node said, and its remedy; without such an event the remedy of the stop reason."""
    failed = [event.detail for event in report.events if event.kind == "node_failed" and "; " in event.detail]
    if failed:
        said, _, hint = failed[-1].partition("; ")
        return SixplaneError(said, hint=hint)
    kind = _kinds().get(report.stop_reason, SixplaneError)
    remedy = kind.default_hint or "`sixplane doctor` checks what a run stands on; the trace names the node"
    return SixplaneError("", hint=remedy)


def status_of_code(code: str) -> Exit:
    """Return the exit status of an error's code, or of a stop reason."""
    kind = _kinds().get(code)
    return _status_of(kind) if kind else _REASONS.get(code, Exit.BUG)


def handled(command: Callable[..., None]) -> Callable[..., None]:
    """Return `command` with the option `--debug` and with its errors told as what, why and remedy."""

    @functools.wraps(command)
    def run(*args: Any, debug: bool = False, **options: Any) -> None:
        try:
            command(*args, **options)
        except (typer.Exit, typer.Abort):
            raise
        except BrokenPipeError:
            _close_stdout()
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the one place where a command's error ends
            if debug:
                _print_traceback()
            raise typer.Exit(_tell(error, as_json=bool(options.get("json_output")))) from None

    hints = get_type_hints(command, include_extras=True)
    named = [each.replace(annotation=hints[each.name]) for each in inspect.signature(command).parameters.values()]
    run.__signature__ = inspect.Signature([*named, _DEBUG])  # type: ignore[attr-defined]
    run.__annotations__ = {**hints, "debug": _DebugOption}
    del run.__wrapped__
    return run


def _tell(error: BaseException, *, as_json: bool) -> Exit:
    known = known_error(error)
    if known is None:
        code, what, hint = (
            "internal",
            f"unexpected {type(error).__name__}",
            "run again with `--debug` and report the traceback",
        )
    else:
        code, what, hint = known.code, known.message, known.hint
    note(f"error: {what}")
    if hint:
        note(f"hint: {hint}")
    if as_json:
        print_json({"error": {"code": code, "message": what, "hint": hint}})
    return exit_status(known) if known else Exit.BUG


def _status_of(error: type[SixplaneError]) -> Exit:
    return next((_STATUSES[kind] for kind in error.__mro__ if kind in _STATUSES), Exit.BUG)


def _print_traceback() -> None:
    import traceback

    note(traceback.format_exc())


def _kinds() -> dict[str, type[SixplaneError]]:
    """Return the class of every error code."""

    def below(kind: type[SixplaneError]) -> list[type[SixplaneError]]:
        return [kind, *(deeper for child in kind.__subclasses__() for deeper in below(child))]

    return {kind.code: kind for kind in below(SixplaneError)}


def _close_stdout() -> None:
    """Give the interpreter a standard output that it can flush at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
