"""The cited documents of a report: from a corpus into a bundle, and from a bundle back to the check of the report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from experience.bundle.archive import MAX_BYTES
from experience.bundle.texts import WholeTexts
from experience.bundle.values import CitedDocument, CitedPassage, Sources, sha256
from experience.verification import Cited, cited_in, evidence_faults
from retrieval import Corpus
from state.access import Labels, stored_labels
from state.editions import document_date, document_version
from state.errors import BadInput
from state.report import Report, ReportEvidence
from state.values import MASK, Passage


@dataclass
class Gathered:
    """The cited documents, and the members with their texts."""

    sources: Sources
    texts: dict[str, bytes] = field(default_factory=dict)


async def gather(report: Report, corpus: Corpus | None, whole: WholeTexts) -> Gathered:
    """Return the documents that `report` cites.

    Whatever `corpus` does not give, because it was pruned or because the caller may not read it, is taken from the
    report, which keeps what its owner was allowed to read when it was written.

    Args:
        report: the report.
        corpus: its corpus, limited to what the caller may read; `None` if there is none any more.
        whole: which documents are included with their whole text.

    Raises:
        BadInput: the texts are too large for a bundle.
    """
    cited = await cited_in(corpus, [item.id for item in report.evidence])
    dropped = await _dropped(report, corpus)
    documents: list[CitedDocument] = []
    texts: dict[str, bytes] = {}
    for items in _by_version(report, cited):
        known = [cited[item.id] for item in items if item.id in cited]  # all of them or none
        # The whole text would show what the report does not.
        withheld = items[0].document_id in dropped or any(map(_is_masked, items))
        if known and _is_whole(known[0], whole, withheld=withheld):
            member = f"documents/{len(texts) + 1:04}.txt"
            texts[member] = known[0].text.encode()
            documents.append(_whole(items, known, member, texts[member]))
        else:
            documents += [_excerpts(report, group, cited, withheld=withheld) for group in _by_name(items)]
        if sum(map(len, texts.values())) > MAX_BYTES:
            raise BadInput(
                f"the cited documents have more than {MAX_BYTES} bytes",
                hint="leave them out with `--texts none` (over HTTP `?texts=none`): their cited passages remain",
            )
    return Gathered(Sources(documents=tuple(documents)), texts)


def cited_of(sources: Sources, members: Mapping[str, bytes]) -> dict[str, Cited]:
    """Return the cited passages of a bundle by evidence id. Raises `ValueError` if a text is not UTF-8."""
    found: dict[str, Cited] = {}
    for document in sources.documents:
        text = members[document.member].decode() if document.member in members else None
        for each in document.passages:
            passage = _passage(document, each)
            found[each.evidence_id] = Cited(passage, each.text, each.start) if text is None else Cited(passage, text)
    return found


def _by_version(report: Report, cited: Mapping[str, Cited]) -> Iterator[list[ReportEvidence]]:
    """Yield the evidence of each version of a document. A document may have changed while the run read it."""
    groups: dict[tuple[str, str | None, Labels], list[ReportEvidence]] = {}
    for item in report.evidence:
        passage = cited[item.id].passage if item.id in cited else None
        version = (passage.text_hash, stored_labels(passage.metadata)) if passage else (None, ())
        groups.setdefault((item.document_id, *version), []).append(item)
    yield from groups.values()


def _by_name(items: list[ReportEvidence]) -> list[list[ReportEvidence]]:
    """Return the evidence of a document by its names: what a guard suspects in one is hidden with the passage only."""
    groups: dict[tuple[str, str], list[ReportEvidence]] = {}
    for item in items:
        groups.setdefault((item.source, item.title), []).append(item)
    return list(groups.values())


async def _dropped(report: Report, corpus: Corpus | None) -> set[str]:
    """Return the documents of which a guard refused a passage in the run."""
    keys = [each.detail.partition(":")[0] for each in report.events if each.kind == "passage_dropped"]
    found = await corpus.passages(keys) if corpus and keys else {}
    return {passage.document_id for passage in found.values()}


def _is_masked(item: ReportEvidence) -> bool:
    return any(MASK in text for text in (item.source, item.title, *item.heading_path, item.text))


def _is_whole(cited: Cited, whole: WholeTexts, *, withheld: bool) -> bool:
    restricted = withheld or bool(stored_labels(cited.passage.metadata))
    return whole is WholeTexts.READABLE or (whole is WholeTexts.OPEN and not restricted)


def _whole(items: list[ReportEvidence], cited: list[Cited], member: str, text: bytes) -> CitedDocument:
    passages = [
        CitedPassage(
            evidence_id=item.id,
            date=document_date(each.passage.metadata),
            version=document_version(each.passage.metadata),
            sha256=sha256(each.between(each.passage.start, each.passage.end).encode()),
            **_place(each.passage),
        )
        for item, each in zip(items, cited, strict=True)
    ]
    first = cited[0].passage
    return CitedDocument(
        document_id=first.document_id,
        source=first.source,
        title=first.title,
        shown="whole",
        member=member,
        sha256=sha256(text),
        passages=tuple(passages),
    )


def _excerpts(
    report: Report, items: list[ReportEvidence], cited: Mapping[str, Cited], *, withheld: bool
) -> CitedDocument:
    """Return a document with its cited passages as the report has them: what is masked there stays masked."""
    source = cited.get(items[0].id)
    differs = any(any(evidence_faults(report, item, cited[item.id])) for item in items if item.id in cited)
    reason = "unavailable" if source is None else "differs" if differs else _left_out(source, withheld=withheld)
    passages = [
        CitedPassage(
            evidence_id=item.id,
            date=item.date,
            version=item.version,
            sha256=sha256(item.text.encode()),
            text=item.text,
            **_place(item),
        )
        for item in items
    ]
    return CitedDocument(
        document_id=items[0].document_id,
        source=items[0].source,
        title=items[0].title,
        shown="excerpts" if source is not None and not differs else "quoted",
        reason=reason,
        passages=tuple(passages),
    )


def _left_out(cited: Cited, *, withheld: bool) -> str:
    if stored_labels(cited.passage.metadata):
        return "restricted"
    return "withheld" if withheld else "request"


def _place(of: Passage | ReportEvidence) -> dict[str, object]:
    return of.model_dump(include={"page", "page_end", "start", "end", "heading_path"})


def _passage(document: CitedDocument, each: CitedPassage) -> Passage:
    """Return a passage as a corpus would; its date and version become its metadata."""
    metadata = {name: value for name, value in (("date", each.date), ("version", each.version)) if value}
    return Passage(
        evidence_id=each.evidence_id,
        document_id=document.document_id,
        title=document.title,
        source=document.source,
        page=each.page,
        page_end=each.page_end,
        start=each.start,
        end=each.end,
        heading_path=each.heading_path,
        text=each.text,
        metadata=metadata,
    )
