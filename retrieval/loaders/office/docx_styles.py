"""The styles of a DOCX file: which are headings, which hide their text, which give a ground to it."""

from __future__ import annotations

import re

from lxml import etree

from retrieval.loaders.office.package import child, is_on, local, value, whole

_HEADING = re.compile(r"heading (\d)", re.IGNORECASE)
_BODY_LEVEL = 9  # `outlineLvl` counts from 0; 9 is body text
NO_GROUND = (None, "", "auto", "FFFFFF")


class Styles:
    """What is asked of each style, found once for each; a style inherits from the one that it is based on."""

    def __init__(self, root: etree._Element | None) -> None:
        found = () if root is None else (each for each in root if local(each) == "style")
        self._styles = {value(each, "styleId") or "": each for each in found}
        self._levels: dict[str, int | None] = {}
        self._hidden: dict[str, bool] = {}
        self._numbered: dict[str, list[etree._Element]] = {}
        self._tables: dict[str, tuple[bool, bool]] = {}

    def level(self, paragraph_properties: etree._Element | None) -> int | None:
        """Return the level of the heading that a paragraph is, or `None`: by its outline level, else by its style."""
        if paragraph_properties is None:
            return None
        own = _outline(paragraph_properties)
        if own is not None:
            return own if own <= _BODY_LEVEL else None
        name = value(child(paragraph_properties, "pStyle")) or ""
        if name not in self._levels:
            self._levels[name] = next((level for each in self._line(name) if (level := _level_of(each))), None)
        level = self._levels[name]
        return level if level is not None and level <= _BODY_LEVEL else None

    def numbered(self, paragraph_properties: etree._Element | None) -> tuple[str, int] | None:
        """Return the list and the level, counted from 0, of a paragraph that Word numbers, or `None`."""
        if paragraph_properties is None:
            return None
        own = child(paragraph_properties, "numPr")
        name = value(child(paragraph_properties, "pStyle")) or ""
        if name not in self._numbered:
            set_by = (child(each, "pPr", "numPr") for each in self._line(name))
            self._numbered[name] = [each for each in set_by if each is not None]
        line = [*([] if own is None else [own]), *self._numbered[name]]
        number = next((found for each in line if (found := value(child(each, "numId")))), "0")
        level = next((found for each in line if (found := value(child(each, "ilvl")))), "0")
        return (number, whole(level)) if number != "0" else None

    def hides(self, name: str | None) -> bool:
        """Return whether the style `name` hides its text."""
        if not name:
            return False
        if name not in self._hidden:
            set_by = (child(each, "rPr", "vanish") for each in self._line(name))
            self._hidden[name] = is_on(next((each for each in set_by if each is not None), None))
        return self._hidden[name]

    def of_table(self, name: str | None) -> tuple[bool, bool]:
        """Return whether the table style `name` sets the first row apart, and whether it colours cells."""
        name = name or ""
        if name not in self._tables:
            parts = [part for each in self._line(name) for part in each]
            first = any(local(part) == "tblStylePr" and value(part, "type") == "firstRow" for part in parts)
            fills = (value(shade, "fill") for part in parts for shade in part.iter("{*}shd"))
            self._tables[name] = (first, any(fill not in NO_GROUND for fill in fills))
        return self._tables[name]

    def _line(self, name: str) -> list[etree._Element]:
        """Return the style and those that it is based on, itself first; damaged files have circles."""
        line: dict[str, etree._Element] = {}
        while name in self._styles and name not in line:
            line[name] = self._styles[name]
            name = value(child(line[name], "basedOn")) or ""
        return list(line.values())


def _level_of(style: etree._Element) -> int | None:
    name = value(child(style, "name")) or ""
    if name.lower() == "title":
        return 1
    found = _HEADING.fullmatch(name)
    return int(found[1]) if found else _outline(child(style, "pPr"))


def _outline(properties: etree._Element | None) -> int | None:
    """Return the outline level, counted from 1, that the properties of a paragraph or a style set."""
    stated = "" if properties is None else value(child(properties, "outlineLvl")) or ""
    return whole(stated, _BODY_LEVEL) + 1 if stated else None
