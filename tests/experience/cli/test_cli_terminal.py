"""What a report looks like on a terminal."""

from io import StringIO

import pytest
from rich.console import Console

from experience.cli.terminal import WIDTH, print_markdown
from experience.render import render_text
from tests.experience import render_cases as cases

WIDE = "| a | b |\n|---|---|\n" + "| one | two |\n| {0} | {0} |\n".format("many words " * 9)


def shown(text, width=80):
    out = StringIO()
    print_markdown(text, Console(file=out, width=width, force_terminal=True, color_system=None))
    return [line.rstrip() for line in out.getvalue().splitlines()]


def test_rows_of_a_wide_table_are_apart_and_those_of_a_narrow_one_together():
    lines = shown(WIDE)
    row = next(n for n, line in enumerate(lines) if "one" in line)
    assert lines[row + 1] == ""
    assert "many words" in lines[row + 2]
    narrow = shown("| a | b |\n|---|---|\n| one | two |\n| three | four |")
    row = next(n for n, line in enumerate(narrow) if "one" in line)
    assert "three" in narrow[row + 1]


@pytest.mark.parametrize(("width", "most"), [(60, 60), (300, WIDTH)])
def test_text_is_no_wider_than_the_terminal_and_than_reads_well(width, most):
    assert most - 15 < max(len(line) for line in shown("word " * 200, width)) <= most


def test_a_report_reads_from_the_question_to_its_sources_and_sends_no_commands():
    lines = shown(render_text(cases.deep()).replace("Prices", "Pri\x1b]8;;https://evil.example\x07ces"))
    assert lines[0].startswith("How are models priced")
    order = [
        next(n for n, line in enumerate(lines) if line.startswith(part))
        for part in ("The budget", "What was left", "Sources")
    ]
    assert order == sorted(order)
    text = "\n".join(lines)
    assert "\x1b]8" not in text
    assert "Price guide, docs/sample/price-guide.pdf: [1] On demand" in text
