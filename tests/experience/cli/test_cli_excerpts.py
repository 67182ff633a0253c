"""What `sixplane search` shows of a passage."""

import pytest

from experience.cli.excerpts import CHARS, LINES, excerpt

ROWS = [f"part: P-{number:04}; price: {number}.50; stock: {number}" for number in range(40)]


def test_code_and_rows_keep_their_lines_and_indentation():
    shown = excerpt("Start\n\n    def run():\n        return 1\n", "run")
    assert shown == ["Start", "    def run():", "        return 1"]


def test_a_long_table_is_shown_from_the_row_that_was_searched():
    shown = excerpt("\n".join(ROWS), "price of P-0017")
    assert shown[:2] == ["…", ROWS[17]]
    assert shown[-1].endswith("…")


@pytest.mark.parametrize("text", ["word " * 400, "\n".join(ROWS), "}\n" * 100], ids=["prose", "table", "short lines"])
def test_an_excerpt_is_short_and_says_that_it_is_cut(text):
    shown = excerpt(text, "nothing")
    assert len(shown) <= LINES + 1
    assert sum(map(len, shown)) <= CHARS + 2
    assert shown[-1].endswith("…")
    assert text.startswith(shown[0].removesuffix("…"))


def test_a_passage_of_white_space_has_no_lines():
    assert excerpt(" \n\t\n", "word") == []
