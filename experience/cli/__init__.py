"""The command line. It starts fast because each command imports what it needs only when it runs."""

from __future__ import annotations

__all__ = ["main"]


def main() -> None:
    """Run `sixplane` with the arguments of this process."""
    from experience.cli.app import app

    app(prog_name="sixplane")
