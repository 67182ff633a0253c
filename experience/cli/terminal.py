"""Shows Markdown on a terminal: no wider than reads well, and the rows of a wide table apart from each other."""

from __future__ import annotations

from typing import ClassVar

from rich.console import Console, ConsoleOptions, RenderResult
from rich.markdown import Heading, Markdown, MarkdownElement, TableElement
from rich.measure import Measurement
from rich.table import Table

from experience.cli.output import printable

WIDTH = 110
"""Most columns of text. A chosen value: longer lines are hard to follow, and tables need more than prose."""

UNBOUNDED = 10_000
"""A width that no table needs."""


def print_markdown(text: str, console: Console | None = None) -> None:
    """Print Markdown on `console`, or on standard output."""
    console = console or Console()
    # Without terminal hyperlinks: a document could show one address and open another.
    console.print(_Markdown(printable(text), hyperlinks=False), width=min(console.width, WIDTH))


class _Heading(Heading):
    LEVEL_ALIGN: ClassVar = dict.fromkeys(Heading.LEVEL_ALIGN, "left")


class _Table(TableElement):
    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for part in super().__rich_console__(console, options):
            if isinstance(part, Table):
                whole = Measurement.get(console, options.update(max_width=UNBOUNDED), part).maximum
                # Cells that break over lines would run into the row below.
                part.show_lines = whole > options.max_width
            yield part


class _Markdown(Markdown):
    elements: ClassVar[dict[str, type[MarkdownElement]]] = {
        **Markdown.elements,
        "heading_open": _Heading,
        "table_open": _Table,
    }
