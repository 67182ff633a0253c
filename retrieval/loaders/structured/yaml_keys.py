"""YAML: the canonical text is the file itself, comments included, as code; keys with something below them are headings.

So a passage from the middle of a file carries the path of its keys. Aliases are not expanded, and tags build nothing.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import accumulate

import yaml

from retrieval.documents import Block, Heading, LoadedDocument
from retrieval.loaders.canonical import document, read_text
from retrieval.loaders.source import Source

_DEEPEST_HEADING = 6
_SECTION = 300
"""The least mean length of a section, in characters. A chosen value: shorter ones make poor passages."""
_BRACKET = re.compile(r"[\[\]{}]")


def load(given: Source) -> Iterator[LoadedDocument]:
    """Yield the file as one document. What is no YAML, such as a template of it, is text without headings."""
    read = read_text(given)
    yield document(
        given.path,
        read.text,
        parser="yaml",
        version="1",
        title=given.path.name,
        headings=[] if _depth(read.text) > given.settings.limits.nesting else headings_of(read.text),
        blocks=[Block(start=0, end=len(read.text), kind="code")],
        metadata=read.about,
    )


def _depth(text: str) -> int:
    """Return how deep brackets are nested; the time of the parser grows with each level for each word within."""
    steps = (1 if bracket in "[{" else -1 for bracket in _BRACKET.findall(text))
    return max(accumulate(steps), default=0)


def headings_of(text: str) -> list[Heading]:
    """Return the keys that begin sections, as far as the text can be read.

    They are those with lines of their own below them, to the depth at which sections are still long enough to be read
    alone, and what follows such a section beside it.
    """
    found: list[Heading] = []
    try:
        for key, level in _keys(text):
            start = text.rfind("\n", 0, key.start_mark.index) + 1
            # A key that follows the dash of a list would leave the dash to the section above it.
            if level <= _DEEPEST_HEADING and not text[start : key.start_mark.index].strip():
                found.append(Heading(start=start, level=level, title=" ".join(key.value.split())))
    except yaml.YAMLError:
        pass  # what was read before is kept
    counted = Counter(heading.level for heading in found)
    deepest = 0
    while counted[deepest + 1] and sum(counted[level] for level in range(deepest + 2)) * _SECTION <= len(text):
        deepest += 1
    return [heading for heading in found if heading.level <= deepest]


def _keys(text: str) -> Iterator[tuple[yaml.ScalarEvent, int]]:
    """Yield the keys of block mappings and block sequences, and how many keys lead to each, itself included.

    The first other key after one of them, in the same mapping, is yielded too: it does not belong to that section.
    """
    outer: list[_Place] = []
    place = _Place(0, is_mapping=False)
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            key = place.next_value()
            is_section = key is not None and bool(key.value) and not event.flow_style
            if key is not None and (is_section or place.after_section):
                yield key, place.level + 1
            place.after_section = is_section or (place.after_section and key is None)
            outer.append(place)
            place = _Place(place.level + (key is not None), is_mapping=isinstance(event, yaml.MappingStartEvent))
        elif isinstance(event, yaml.CollectionEndEvent):
            place = outer.pop()
        elif isinstance(event, yaml.ScalarEvent | yaml.AliasEvent):
            key = place.next_scalar(event)
            if key is not None and place.after_section:
                yield key, place.level + 1
                place.after_section = False


class _Place:
    """Where in a collection the parser stands: at a key or at its value."""

    def __init__(self, level: int, *, is_mapping: bool) -> None:
        self.level = level
        self.after_section = False
        self._is_mapping = is_mapping
        self._at_key = is_mapping
        self._key: yaml.ScalarEvent | None = None

    def next_scalar(self, event: yaml.NodeEvent) -> yaml.ScalarEvent | None:
        """Take note of a key, or of a value that is no collection; return the key of the value."""
        if self._at_key:
            self._key, self._at_key = event if isinstance(event, yaml.ScalarEvent) else None, False
            return None
        return self.next_value()

    def next_value(self) -> yaml.ScalarEvent | None:
        """Return the key of the value that begins here; `None` if it has none or is itself a key."""
        key = None if self._at_key else self._key
        self._at_key, self._key = self._is_mapping and not self._at_key, None
        return key
