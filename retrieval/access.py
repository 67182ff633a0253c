"""Decides what an ingested document does to the live documents of the same id, by their access labels.

Documents of one id under different labels are different documents. To a caller, those that it may not read do not
exist: its own document is stored beside them, and no count, error or id tells about them. Of those that it may read, it
may replace the ones all of whose audiences it belongs to.
"""

from __future__ import annotations

from collections.abc import Sequence

from retrieval.backend import LiveVersion
from retrieval.preparation import PreparedDocument
from retrieval.roots.stamps import Content
from state.access import AUDIENCE, HINT, Held, Labels, labels_in, may_change, may_read
from state.errors import BadInput


def judged(
    document: PreparedDocument, live: Sequence[LiveVersion], place: tuple[str, str], held: Held
) -> tuple[PreparedDocument, bool]:
    """Return `document` with its access label, and whether it is stored like this already.

    Args:
        document: what is to be stored.
        live: the live documents of its id.
        place: tenant and name of the corpus.
        held: the audiences of the caller.

    Raises:
        BadInput: the label is malformed, or the caller may not store or replace this document.
    """
    seen = [each for each in live if may_read(each.labels, held)]
    labels = _label(document, seen, held)
    labelled = document.labelled(labels, *place)
    return labelled, len(seen) == 1 and seen[0].labels == labels and seen[0].is_same_as(labelled)


def relabels(decided: PreparedDocument, live: Sequence[LiveVersion], held: Held) -> bool:
    """Return whether storing a document changes the label of one that the caller may read."""
    return any(may_read(each.labels, held) and each.labels != decided.labels for each in live)


def remains(content: Content, live: Sequence[LiveVersion], held: Held) -> bool:
    """Return whether a document is stored as a file gave it, so that `judged` would find it unchanged.

    Args:
        content: what the file gave, and still gives.
        live: the live documents of its id.
        held: the audiences of the caller.
    """
    seen = [each for each in live if may_read(each.labels, held)]
    if len(seen) != 1 or not may_change(seen[0].labels, held) or "" in seen[0].labels:
        return False
    return content.labels in (None, seen[0].labels) and seen[0].is_still(content)


def _label(document: PreparedDocument, seen: list[LiveVersion], held: Held) -> Labels:
    """Return the label of a document."""
    given = labels_in(document.metadata) if document.audience is None else document.audience
    labels = _kept({each.labels for each in seen}) if given is None else given
    if not may_change(labels, held):
        raise BadInput(f"its `{AUDIENCE}` names one that you do not belong to", hint="name your own audiences only")
    if not all(may_change(each.labels, held) for each in seen):
        raise BadInput(
            f"a document of this name is also for an `{AUDIENCE}` that you do not belong to",
            hint="give yours another name",
        )
    return labels


def _kept(before: set[Labels]) -> Labels:
    """Return the label that a document keeps if none is given, so that nobody opens it by leaving the label out."""
    if len(before) > 1:
        raise BadInput(f"documents of this name differ in their `{AUDIENCE}`", hint=f"name the one to use: {HINT}")
    labels = next(iter(before), ())
    if "" in labels:
        raise BadInput(f"the stored `{AUDIENCE}` of this document is not understood", hint=f"give one: {HINT}")
    return labels
