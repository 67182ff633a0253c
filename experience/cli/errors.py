"""Error handling of the commands: message, hint and exit status, the same for all of them."""

from __future__ import annotations

import functools
import inspect
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from experience.cli.output import note, print_json
from experience.errors import known_error
from experience.exits import Exit, exit_status, kind_of, report_status, stop_error
from state.errors import SixplaneError

if TYPE_CHECKING:
    from state.report import Report

_DebugOption = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
_DEBUG = inspect.Parameter("debug", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=_DebugOption)


def tell_stop(report: Report) -> None:
    """Print on standard error why a run stopped without an answer, and the remedy."""
    if report.status != "stopped" or report_status(report) is Exit.DONE:
        return
    error = stop_error(report)
    note(f"error: {report.stop_reason}: {_summary_of(report.stop_reason)}")
    if error.message:
        note(f"error: {error.message}")
    note(f"hint: {error.hint}")


def handled(command: Callable[..., None]) -> Callable[..., None]:
    """Return `command` with the option `--debug`; its errors are printed as a message and a hint.

    What it writes is for its owner alone, whatever the umask.
    """

    @functools.wraps(command)
    def run(*args: Any, debug: bool = False, **options: Any) -> None:
        # SQLite and the libraries of the indexes choose the modes of their files by it, and so do their side files.
        umask = os.umask(0o077)
        try:
            command(*args, **options)
        except (typer.Exit, typer.Abort):
            raise
        except BrokenPipeError:
            _close_stdout()
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the last handler: no traceback unless asked for
            if debug:
                _print_traceback()
            raise typer.Exit(_tell(error, as_json=bool(options.get("json_output")))) from None
        finally:
            os.umask(umask)

    hints = get_type_hints(command, include_extras=True)
    named = [each.replace(annotation=hints[each.name]) for each in inspect.signature(command).parameters.values()]
    # typer reads the options from the signature; functions have no such attribute until one is set.
    run.__signature__ = inspect.Signature([*named, _DEBUG])  # type: ignore[attr-defined]
    run.__annotations__ = {**hints, "debug": _DebugOption}
    del run.__wrapped__  # typer would follow it to the signature without `--debug`
    return run


def _tell(error: BaseException, *, as_json: bool) -> Exit:
    known = known_error(error, paths=True)
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


def _summary_of(code: str) -> str:
    """Return the first line of the error's docstring as the end of a sentence."""
    kind = kind_of(code)
    if kind in (None, SixplaneError):
        return "the run stopped"
    what = (kind.__doc__ or "").partition("\n")[0].rstrip(".")
    return f"{what[0].lower()}{what[1:]}"


def _print_traceback() -> None:
    import traceback

    note(traceback.format_exc())


def _close_stdout() -> None:
    """Point standard output at the null device: the interpreter flushes it at exit, and the reader has gone."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
