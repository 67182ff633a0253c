"""The text of charts and of SmartArt, which Office stores in parts of their own."""

from __future__ import annotations

from itertools import zip_longest

from lxml import etree

from retrieval.loaders.office.package import child, local, whole
from retrieval.loaders.table_lines import table_lines


def drawing_lines(root: etree._Element, *, with_figures: bool = True) -> list[str]:
    """Return the lines of a chart (its titles, then a row for each category or the names alone) or of SmartArt."""
    if local(root) == "chartSpace":
        return _chart_lines(root, with_figures=with_figures)
    points = (each for each in root.iter("{*}pt") if each.get("type", "node") in ("node", "asst"))
    return [line for point in points if (line := _paragraphs(point))]


def _chart_lines(root: etree._Element, *, with_figures: bool) -> list[str]:
    titles = [line for title in root.iter("{*}title") if (line := _paragraphs(title) or " ".join(_cached(title)))]
    series = list(root.iter("{*}ser"))
    names = [" ".join(_cached(child(each, "tx"))) for each in series]
    categories = next((found for each in series if (found := _cached(_first(each, "cat", "xVal")))), [])
    columns = [_cached(_first(each, "val", "yVal")) for each in series]
    rows = [["", *names], *map(list, zip_longest(categories, *columns, fillvalue=""))]
    return titles + (table_lines(rows, 1) if len(rows) > 1 and with_figures else [name for name in names if name])


def _first(element: etree._Element, *names: str) -> etree._Element | None:
    return next((found for name in names if (found := child(element, name)) is not None), None)


def _cached(element: etree._Element | None) -> list[str]:
    """Return the values that a chart keeps of the cells it was drawn from, at their places."""
    if element is None:
        return []
    points = [(whole(each.get("idx"), at), child(each, "v")) for at, each in enumerate(element.iter("{*}pt"))]
    if not points:
        return [text for each in element.iter("{*}v") if (text := (each.text or "").strip())]
    held = {at: (found.text or "").strip() for at, found in points if found is not None}
    # As many places as there are points and twice as many at most: a damaged index must not ask for millions.
    return [held.get(at, "") for at in range(min(max(held, default=-1) + 1, 2 * len(points)))]


def _paragraphs(element: etree._Element) -> str:
    """Return the paragraphs of DrawingML below `element`, on one line."""
    texts = ("".join(text.text or "" for text in each.iter("{*}t")) for each in element.iter("{*}p"))
    return " ".join(filter(None, map(str.strip, texts)))
