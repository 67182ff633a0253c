"""CSV and TSV: separators, quotes, lines above the table, large cells."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.retrieval.office.packages import loaded

LONG = "x" * 200_000


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("name,price\ntea,3\n", "name: tea; price: 3"),
        ("name;price\ntea;3,5\nmilk;1,2\n", "name: tea; price: 3,5\nname: milk; price: 1,2"),
        ("sep=;\nname;price\ntea, green;3\n", "name: tea, green; price: 3"),
        ("sep=|\r\nname|price\r\ntea|3\r\n", "name: tea; price: 3"),
        ('name, note\ntea, "green, hot"\n', "name: tea; note: green, hot"),
        ('a,b\n"say ""hi""",2\n', 'a: say "hi"; b: 2'),
        ("a,b,c\n1,,3\n,2,\n", "a: 1; b:; c: 3\na:; b: 2"),
        ("Prices\nof 2024\nname,price\ntea,3\n", "Prices\nof 2024\nname: tea; price: 3"),
        ("Prices, by Ann\n\nname,price,note\ntea,3,x\n", "Prices | by Ann\nname: tea; price: 3; note: x"),
        ("Prices,,\nname,price,note\ntea,3,x\n", "Prices\nname: tea; price: 3; note: x"),
        ("name,price\n\ntea,3\n", "name: tea; price: 3"),
        ("1,2\n3,4\n", "1 | 2\n3 | 4"),
        ("word\none\ntwo\n", "word: one\nword: two"),
        ("name,price\n", "name | price"),
        (f"a,b\n{LONG},2\n", f"a: {LONG}; b: 2"),
        ("a,b,c\n1,2\n3,4\n", "a: 1; b: 2; c:\na: 3; b: 4"),
        ("a,b\n1,2,extra\n", "a: 1; b: 2; extra"),
        # A long name stands in full once, and would multiply.
        (f"{LONG},b\n1,2\n3,4\n", f"{LONG}: 1; b: 2\n{LONG[:80]}…: 3; b: 4"),
    ],
)
def test_each_row_is_a_line(tmp_path: Path, text: str, lines: str) -> None:
    (tmp_path / "a.csv").write_text(text, newline="")
    assert loaded(tmp_path / "a.csv").text == lines


def test_doubled_quotes_far_from_the_beginning_are_quotes(tmp_path: Path) -> None:
    rows = "".join(f'"row, {n}",{n}\n' for n in range(5000))
    (tmp_path / "a.csv").write_text(f'name,number\n{rows}"say ""hi"", twice",7\n')
    lines = loaded(tmp_path / "a.csv").text.split("\n")
    assert (len(lines), lines[0], lines[-1]) == (5001, "name: row, 0; number: 0", 'name: say "hi", twice; number: 7')
