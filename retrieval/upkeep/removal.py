"""Takes documents out of a corpus at the caller's wish."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from retrieval.backend import CorpusBackend
from state.access import Held, may_change, may_read
from state.errors import BadInput, Forbidden
from state.values import Value


class Removal(Value):
    """What was taken out of search. Reports that cite it still verify until the corpus is pruned."""

    documents: int = 0
    passages: int = 0
    document_ids: tuple[str, ...] = ()


async def remove(backend: CorpusBackend, names: Sequence[str] | None, held: Held) -> Removal:
    """Take documents out of search. Raises the errors of `Corpus.remove`."""
    async with backend.writer() as writer:
        rows = (await backend.inventory())[1]
        live = [row for row in rows if not row["superseded"] and may_read(row["labels"], held)]
        chosen = live if names is None else _chosen(live, names)
        if any(not may_change(row["labels"], held) for row in chosen):
            raise Forbidden(
                "some of these documents are also for an audience that you do not belong to",
                hint="ask a member of all of their audiences to remove them",
            )
        ids = tuple(dict.fromkeys(row["document_id"] for row in chosen))
        if ids:
            await writer.delete(ids, lambda _, labels: may_change(labels, held))
            await writer.build()
        return Removal(documents=len(chosen), passages=sum(row["passages"] for row in chosen), document_ids=ids)


def _chosen(live: Iterable[Mapping[str, Any]], names: Sequence[str]) -> list[Mapping[str, Any]]:
    wanted = {name.rstrip("/") for name in names}
    found: dict[str, list[Mapping[str, Any]]] = {name: [] for name in wanted}
    for row in live:
        document_id = row["document_id"]
        for name in wanted:
            if document_id == name or document_id.startswith((f"{name}/", f"{name}#", f"{name}!/")):
                found[name].append(row)
                break
    for name, rows in found.items():
        if not rows:
            raise BadInput(
                f"the corpus has no document {name[:200]!r}, and none in a folder of that name",
                hint="`sixplane corpus show NAME` lists the documents",
            )
    return [row for rows in found.values() for row in rows]
