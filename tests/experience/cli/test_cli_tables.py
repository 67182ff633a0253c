"""Tables: the terminal's width is used, nothing but a title is cut, and other programs get whole lines."""

from io import StringIO

import pytest
from rich.cells import cell_len
from rich.console import Console
from typer.testing import CliRunner

from experience.cli.app import app
from experience.cli.output import print_table
from experience.cli.tables import show_table

COLUMNS = ("thread", "status", "updated", "title")
ROWS = [
    ("t-3f05c7e44d3a", "done", "2026-11-28T02:00:00", "How are on-demand models priced, and " * 9),
    ("b-" + "c" * 30, "review", "2026-11-28T02:00:01", "\u6599\u91d1\u306f" * 40),
]


def shown(width, columns=COLUMNS, rows=ROWS, cut="title"):
    out = StringIO()
    show_table(Console(file=out, width=width, force_terminal=True, color_system=None), columns, rows, cut=cut)
    return [line.rstrip() for line in out.getvalue().splitlines()]


@pytest.mark.parametrize("width", [90, 120, 200])
def test_a_table_is_as_wide_as_the_terminal_and_cuts_only_titles(width):
    lines = shown(width)
    assert len(lines) == 4
    assert width - 4 <= max(map(cell_len, lines)) <= width
    for line, row in zip(lines[2:], ROWS, strict=True):
        assert all(cell in line for cell in row[:3])
        assert line.endswith("\u2026")


def test_a_wide_terminal_shows_more_of_a_title():
    assert len(shown(200)[2]) > len(shown(120)[2]) > len(shown(90)[2])


def test_short_rows_leave_the_rest_of_the_terminal_empty():
    assert max(map(len, shown(200, ("a", "b"), [("one", "two")], ""))) < 20


def test_words_stay_whole_and_lines_break_between_them():
    lines = shown(40, ("setting", "value"), [("deny", "some words that need more than one line to stand in")], "")
    assert len(lines) > 3
    assert " ".join(" ".join(lines[2:]).split()) == "deny some words that need more than one line to stand in"


def test_on_a_narrow_terminal_each_row_is_a_paragraph_and_nothing_is_lost():
    lines = shown(60)
    assert lines[0] == f"thread: {ROWS[0][0]}"
    assert "" in lines
    assert "\u2026" not in "".join(lines)
    assert [f"{name}: {cell}".rstrip() in lines for row in ROWS for name, cell in zip(COLUMNS, row, strict=True)] == [
        True
    ] * 8


def test_a_cell_is_text_and_no_markup():
    assert "[red]" in "".join(shown(80, ("source",), [("[red].txt",)], ""))


def test_other_programs_get_whole_lines(capsysbinary):
    print_table(COLUMNS, [("a\tb", "c\nd", "", "x" * 500)], cut="title")
    assert capsysbinary.readouterr().out.decode().splitlines()[1] == f"a b\tc d\t\t{'x' * 500}"


def test_a_pipe_has_no_width():
    narrow, wide = (CliRunner().invoke(app, ["models"], env={"COLUMNS": width}).stdout for width in ("20", "200"))
    assert narrow == wide
    assert "\t" in narrow
