"""Formulas of Office as text."""

from __future__ import annotations

from lxml import etree

from retrieval.loaders.office.package import local

_BETWEEN = {"f": "/", "sSup": "^", "sSub": "_"}
_BEFORE = {"rad": "√"}


def math_text(element: etree._Element) -> str:
    """Return a formula on one line: `a/b`, `x^2`, `√y`."""
    name = local(element)
    if name == "t":
        return element.text or ""
    if name.endswith("Pr"):  # properties
        return ""
    parts = [text for each in element if (text := math_text(each))]
    if name == "d":
        return f"({', '.join(parts)})"
    return _BEFORE.get(name, "") + _BETWEEN.get(name, "").join(parts)
