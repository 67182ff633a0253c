"""Access labels: which audiences within a tenant may read a document.

A label is no ordinary metadata. It has one type, a set of audiences, and a shape that is not understood is refused: a
label that was dropped would open its document to the whole tenant. Without a label, the whole tenant may read.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from state.errors import BadInput

AUDIENCE = "audience"
"""The key of the label in a record, in the metadata of a document, and in those of a stored passage."""

EVERYBODY = "*"
"""Says that the whole tenant may read a document. A document that is ingested again without a label keeps its label."""

MAX_AUDIENCES = 50
"""Audiences in one label. A chosen limit."""

MAX_CHARS = 200
"""Characters in the name of an audience. A chosen limit."""

Labels = tuple[str, ...]
"""The audiences of a document, sorted; empty: the whole tenant."""

Held = Labels | None
"""The audiences that a caller belongs to; `None`: an operator or administrator, who is not restricted."""

HINT = (
    f'give the name of an audience or a list of at most {MAX_AUDIENCES} names, for example ["finance"]; '
    f'"{EVERYBODY}" opens the document to the whole tenant'
)
_KEY_HINT = f"write `{AUDIENCE}`, at the top of the metadata, if it limits who may read, or rename it"
_UNREADABLE: Labels = ("",)
"""Stands for a stored label that is not understood. Nobody belongs to an audience without a name."""


def labels_of(given: object) -> Labels | None:
    """Return the label that `given` stands for: a name or a collection of names; `None` if none is given.

    Raises:
        BadInput: it has another shape.
    """
    if given is None:
        return None
    names = [given] if isinstance(given, str) else given
    if not isinstance(names, list | tuple | set | frozenset) or not 1 <= len(names) <= MAX_AUDIENCES:
        raise BadInput("the `audience` is neither a name nor a list of names", hint=HINT)
    for name in names:
        if not is_name(name):
            raise BadInput(
                f"a name in the `audience` is not a text of 1 to {MAX_CHARS} visible characters without blanks around",
                hint=HINT,
            )
    if EVERYBODY in names and len(set(names)) > 1:
        raise BadInput(f"the `audience` names {EVERYBODY!r} beside others", hint=HINT)
    return () if EVERYBODY in names else tuple(sorted(set(names)))


def is_name(name: object) -> bool:
    """Return whether `name` can be the name of an audience. Names that only look alike are different names."""
    if not isinstance(name, str) or name != name.strip() or not 1 <= len(name) <= MAX_CHARS:
        return False
    # Categories C*: control characters, invisible ones and lone surrogates. Two names must differ visibly.
    return not any(unicodedata.category(char).startswith("C") for char in name)


def labels_in(metadata: Mapping[Any, Any]) -> Labels | None:
    """Return the label in the metadata of a document or in a record; `None` if it has none.

    Raises:
        BadInput: the label has an unknown shape, or a key looks like that of a label and is none: it is written in
            another way, or lies deeper.
    """
    for key in _keys({name: value for name, value in metadata.items() if name != AUDIENCE}):
        if looks_like_label(key):
            raise BadInput(f"it has the key {key[:MAX_CHARS]!r}", hint=_KEY_HINT)
    return labels_of(metadata.get(AUDIENCE))


def looks_like_label(key: str) -> bool:
    """Return whether somebody can have meant `key` as that of a label: by case, width, signs, or a path before it."""
    last = unicodedata.normalize("NFKC", key).rpartition(".")[2]
    return "".join(char for char in last.casefold() if char.isalpha()) in {AUDIENCE, f"{AUDIENCE}s"}


def _keys(value: object) -> Iterator[str]:
    """Yield the keys of nested mappings, at any depth."""
    waiting = [value]
    while waiting:
        inner = waiting.pop()
        if isinstance(inner, Mapping):
            yield from (key for key in inner if isinstance(key, str))
            waiting += inner.values()
        elif isinstance(inner, list | tuple):
            waiting += inner


def stored_labels(metadata: Mapping[str, Any]) -> Labels:
    """Return the label in stored metadata. One that is not understood becomes a label that nobody holds."""
    value = metadata.get(AUDIENCE)
    if value is None:
        return ()
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list | tuple) or not names or not all(isinstance(name, str) and name for name in names):
        return _UNREADABLE
    return tuple(sorted(set(names)))


def may_read(labels: Collection[str], held: Held) -> bool:
    """Return whether a caller may read a document: one of its audiences is enough."""
    return held is None or not labels or any(label and label in held for label in labels)


def may_change(labels: Collection[str], held: Held) -> bool:
    """Return whether a caller may write, replace or delete a document with this label: all audiences are needed.

    Who replaces a document takes it away from each of its audiences, and so needs the right on each.
    """
    return held is None or all(label and label in held for label in labels)


def narrower(old: Labels, new: Labels) -> Labels:
    """Return the label of an old version whose document got a new one: only who may read both may read it.

    If nobody may, it is one that nobody but operators holds.
    """
    if not old or not new:
        return old or new
    return tuple(name for name in old if name in new) or _UNREADABLE


def shared(first: Held, second: Held) -> Held:
    """Return what both allow: the audiences that are in both, if both are limited."""
    if first is None or second is None:
        return second if first is None else first
    return tuple(name for name in first if name in second)


def narrowed(held: Iterable[str] | None) -> Held:
    """Return the audiences of a caller without those that are no names."""
    return None if held is None else tuple(dict.fromkeys(name for name in held if is_name(name)))
