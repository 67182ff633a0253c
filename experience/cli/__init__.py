"""The command line. It starts fast because each command imports what it needs only when it runs."""

from __future__ import annotations

import os
import sys

__all__ = ["main"]


def main() -> None:
    """Run `sixplane` with the arguments of this process."""
    fill_standard_streams()
    from settings.process import collect_seldom

    collect_seldom()
    from experience.cli.app import app

    app(prog_name="sixplane")


def fill_standard_streams() -> None:
    """Open the null device in place of each standard stream that is closed.

    Otherwise the first files of the process get their numbers, 0 to 2, and uvloop aborts when it closes one; and
    libraries that write to a stream find none.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # the lowest number that is free, which is that of the stream
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115 - open until the end
