"""Runs the service inside a command: settings, event loop and signals."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from experience.cli.output import note
from state.errors import QuestionInvalid

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

    from settings import Settings

Result = TypeVar("Result")
SIGNALS = (signal.SIGINT, signal.SIGTERM)


def settings_of(home: Path | None, **given: Any) -> Settings:
    """Return the settings of this process. `--home` and `given` override the environment."""
    from settings import load_settings

    return load_settings(**given, **({"home": home} if home else {}))


def run_async(work: Coroutine[Any, Any, Result]) -> Result:
    """Run `work` on an event loop of uvloop. SIGTERM cancels it like Ctrl-C, so that its clean-up runs."""
    import asyncio

    try:
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            return runner.run(_stoppable(work))
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


def loop_factory() -> Callable[[], AbstractEventLoop] | None:
    """Return uvloop's loop factory, or `None` on Windows, where uvloop does not exist."""
    if sys.platform == "win32":
        return None
    import uvloop

    return uvloop.new_event_loop


async def _stoppable(work: Coroutine[Any, Any, Result]) -> Result:
    import asyncio

    task = asyncio.current_task()
    if task is None:
        return await work
    with on_signals(lambda _: task.cancel()):
        return await work


@contextmanager
def on_signals(react: Callable[[str], object]) -> Iterator[None]:
    """Call `react` with the signal's name on SIGINT and SIGTERM while the block runs; then restore the old handlers.

    Outside the main thread Python allows no signal handlers, so the block runs without them.
    """
    import asyncio

    before = {number: signal.getsignal(number) for number in SIGNALS}
    loop = asyncio.get_running_loop()
    try:
        for number in SIGNALS:
            # Not `loop.add_signal_handler`: blocks can be nested, so the old handler must be restorable.
            signal.signal(number, lambda got, _: loop.call_soon_threadsafe(react, signal.Signals(got).name))
    except ValueError:
        before = {}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Drain:
    """Stops a run at its next node boundary on the first signal, and cancels it at once on the second."""

    def __init__(self, request: Callable[[str], None]) -> None:
        import asyncio

        self._request = request
        self._task = asyncio.current_task()
        self._asked = False

    def __call__(self, reason: str) -> None:
        """React to a signal."""
        if self._asked and self._task:
            self._task.cancel()
            return
        self._asked = True
        note(f"{reason}: stopping after the nodes that are running; a second signal stops them at once")
        self._request(reason)


def text_argument(text: str, *, stdin: bool = True) -> str:
    """Return the text of an argument; `-` reads standard input.

    Raises:
        QuestionInvalid: the text is not UTF-8.
    """
    try:
        if text == "-" and stdin:
            return sys.stdin.buffer.read().decode("utf-8-sig")
        text.encode()
    except UnicodeError:
        raise QuestionInvalid("the text is not UTF-8", hint="convert it, for example with `iconv -t UTF-8`") from None
    return text
