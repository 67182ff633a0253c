"""Finds the documents and places that questions name in the corpus, before the first question is asked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from experience.evaluation.questions import GoldPlace, Question
from retrieval import Corpus, Manifest
from state.errors import BadInput
from state.values import Value

_PARTS = re.compile(r"[/#]")
_TOLD_NAMES = 3


class Gold(Value):
    """A document that answers a question, or its part between two offsets, with the text of that part."""

    document_id: str
    start: int | None = None
    end: int | None = None
    text: str = ""

    def overlaps(self, document_id: str, start: int, end: int) -> bool:
        """Return whether a part of a document touches this gold."""
        if document_id != self.document_id:
            return False
        return self.start is None or self.end is None or (start < self.end and self.start < end)


async def resolved_gold(questions: Sequence[Question], corpus: Corpus) -> dict[str, tuple[Gold, ...]]:
    """Return what answers each question, by the question's id.

    Raises:
        BadInput: a name fits no document or several, or a place is not in its document; the message names them.
    """
    if not any(question.gold for question in questions):
        return {question.id: () for question in questions}
    names = DocumentNames(await corpus.manifest())
    texts: dict[str, str] = {}
    found: dict[str, tuple[Gold, ...]] = {}
    faults: list[str] = []
    for question in questions:
        try:
            found[question.id] = tuple([await _gold(each, names, corpus, texts) for each in question.gold])
        except LookupError as error:
            faults.append(f"question {question.id!r}: {error.args[0]}")
    if faults:
        more = f"; and {len(faults) - _TOLD_NAMES} more" if len(faults) > _TOLD_NAMES else ""
        raise BadInput(
            f"gold that is not in the corpus {corpus.name!r}: {'; '.join(faults[:_TOLD_NAMES])}{more}",
            hint=f"nothing was asked; `sixplane corpus show {corpus.name}` lists the documents with their sources",
        )
    return found


class DocumentNames:
    """The live documents of a corpus by each of their names: id and source, whole or from a `/` or `#` on."""

    def __init__(self, manifest: Manifest) -> None:
        self._named: dict[str, set[str]] = {}
        for entry in manifest.entries:
            if not entry.superseded:
                for name in {entry.document_id, entry.source}:
                    for part in _ends(name):
                        self._named.setdefault(part, set()).add(entry.document_id)

    def document(self, name: str) -> str:
        """Return the id of the document called `name`. Raises `LookupError` if there is none, or more than one."""
        fitting = self._named.get(name, set())
        if name in fitting:  # a whole id is never ambiguous
            return name
        if len(fitting) == 1:
            return next(iter(fitting))
        if not fitting:
            raise LookupError(f"no document is called {name!r}")
        some = ", ".join(repr(each) for each in sorted(fitting)[:_TOLD_NAMES])
        raise LookupError(f"{len(fitting)} documents are called {name!r} ({some}); give more of the path")


def _ends(name: str) -> Iterable[str]:
    yield name
    for found in _PARTS.finditer(name):
        if end := name[found.end() :]:
            yield end


async def _gold(given: GoldPlace, names: DocumentNames, corpus: Corpus, texts: dict[str, str]) -> Gold:
    document = names.document(given.document)
    if not given.text and given.start is None:
        return Gold(document_id=document)
    if document not in texts:
        texts[document] = "".join(await corpus.live_texts([document]))
    start, end = _offsets(given, texts[document])
    return Gold(document_id=document, start=start, end=end, text=texts[document][start:end])


def _offsets(given: GoldPlace, text: str) -> tuple[int, int]:
    if given.start is not None and given.end is not None:
        if given.end > len(text):
            raise LookupError(f"{given.document!r} has {len(text)} characters, the place ends at {given.end}")
        return given.start, given.end
    # White space is written anew in many ways between a document and whoever quotes it; words are not.
    found = re.search(r"\s+".join(map(re.escape, given.text.split())), text)
    if found is None:
        raise LookupError(f"the quoted text does not stand in {given.document!r}")
    return found.span()
