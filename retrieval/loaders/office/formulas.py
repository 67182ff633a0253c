"""Formulas of Office as text."""

from __future__ import annotations

from lxml import etree

from retrieval.loaders.office.package import child, local, value

_BETWEEN = {"f": "/", "limLow": "_", "limUpp": "^", "func": " ", "mr": ", ", "m": "; ", "eqArr": "; "}
_BEFORE = {"rad": "√"}
_SCRIPTS = {"sub": "_", "sup": "^"}
_N_ARY = "∫"
"""The sign of an n-ary operator that names none, by the standard."""


def math_text(element: etree._Element) -> str:
    """Return a formula on one line: `a/b`, `x_i^2`, `√y`, `∑_i^n x`, the rows of a matrix as `a, b; c, d`."""
    name = local(element)
    if name == "t":
        return element.text or ""
    if name.endswith("Pr"):  # properties
        return ""
    parts = [_SCRIPTS.get(local(each), "") + text for each in element if (text := math_text(each))]
    if name == "d":
        return f"({', '.join(parts)})"
    if name == "nary":
        sign = value(child(element, "naryPr", "chr"))
        return (_N_ARY if sign is None else sign) + "".join(parts[:-1]) + " " + "".join(parts[-1:])
    return _BEFORE.get(name, "") + _BETWEEN.get(name, "").join(parts)
