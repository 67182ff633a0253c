"""The command line. Starts in a blink: what a command needs is imported when the command runs."""

from __future__ import annotations

__all__ = ["main"]


def main() -> None:
    """Run `sixplane` with the arguments of this process."""
    from experience.cli.app import app

    app(prog_name="sixplane")
