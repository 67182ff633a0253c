"""Formulas of Office: each of their parts is text, apart from the others."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.retrieval.office.packages import docx_of, loaded


def m(name: str, content: str) -> str:
    """Return an element of a formula; what it holds is text, or elements."""
    return f"<m:{name}>{content if content.startswith('<') else f'<m:r><m:t>{content}</m:t></m:r>'}</m:{name}>"


MATRIX = m("m", m("mr", m("e", "a") + m("e", "b")) + m("mr", m("e", "c") + m("e", "d")))
LINES = m("eqArr", m("e", "1, if") + m("e", "0, else"))
SCRIPTS = m("sSubSup", m("e", "x") + m("sub", "i") + m("sup", "2"))
SUM = m("nary", "<m:naryPr><m:chr m:val='∑'/></m:naryPr>" + m("sub", "i") + m("sup", "n") + m("e", "i"))
INTEGRAL = m("nary", m("e", "f"))
LIMIT = m("func", m("fName", m("limLow", m("e", "lim") + m("lim", "n"))) + m("e", "n"))
FRACTION = "<m:f><m:num><m:r><m:t>a</m:t></m:r></m:num><m:den><m:r><m:t>b</m:t></m:r></m:den></m:f>"


@pytest.mark.parametrize(
    ("formula", "text"),
    [
        (FRACTION, "a/b"),
        (MATRIX, "a, b; c, d"),
        (LINES, "1, if; 0, else"),
        (SCRIPTS, "x_i^2"),
        (SUM, "∑_i^n i"),
        (INTEGRAL, "∫ f"),
        (LIMIT, "lim_n n"),
    ],
)
@pytest.mark.parametrize("strict", [False, True])
def test_the_parts_of_a_formula_stand_apart(tmp_path: Path, formula: str, text: str, strict: bool) -> None:
    body = f"<w:p>{m('oMath', formula)}</w:p>"
    assert loaded(docx_of(tmp_path / "a.docx", body, strict=strict)).text == text
