"""Running the service inside a command: settings, the event loop, signals."""

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


def settings_of(home: Path | None) -> Settings:
    """Return the settings of this process; `--home` goes before the environment."""
    from settings import load_settings

    return load_settings(**({"home": home} if home else {}))


def run_async(work: Coroutine[Any, Any, Result]) -> Result:
    """Run `work` to its end on a loop of uvloop. SIGTERM ends it as Ctrl-C does, with its clean-up done."""
    import asyncio

    try:
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            return runner.run(_stoppable(work))
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


def loop_factory() -> Callable[[], AbstractEventLoop] | None:
    """Return what makes uvloop's loops; none on Windows, for which there is no uvloop."""
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
    """Call `react` with the signal's name on SIGINT and SIGTERM while the block runs, outer handlers after it.

    Outside the main thread, where no handler can be set, the block runs without.
    """
    import asyncio

    before = {number: signal.getsignal(number) for number in SIGNALS}
    loop = asyncio.get_running_loop()
    try:
        for number in SIGNALS:
            signal.signal(number, lambda got, _: loop.call_soon_threadsafe(react, signal.Signals(got).name))
    except ValueError:
        before = {}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Drain:
    """Asks a run to stop at its next node boundary; asked again, it ends the run where it stands."""

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
        note(f"{reason}: stopping after the nodes that run now; once more ends them where they stand")
        self._request(reason)


def text_argument(text: str, *, stdin: bool = True) -> str:
    """Return the text of an argument; `-` reads standard input.

    Raises:
        QuestionInvalid: it is not UTF-8.
    """
    try:
        if text == "-" and stdin:
            return sys.stdin.buffer.read().decode("utf-8-sig")
        text.encode()
    except UnicodeError:
        raise QuestionInvalid("the text is not UTF-8", hint="convert it, for example with `iconv -t UTF-8`") from None
    return text
