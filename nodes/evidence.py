"""Loading the passages that state refers to, and choosing those that fit into a prompt."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from retrieval import Corpus
from state.channels import ResearchState
from state.evidence_block import EvidenceItem
from state.values import Hit, Passage


async def load_evidence(state: ResearchState, corpus: Corpus) -> dict[str, Passage]:
    """Return the run's screened passages by alias, without passages that were pruned since."""
    aliases = state.get("aliases", {})
    passages = await corpus.passages(list(aliases.values()))
    return {alias: passages[key] for alias, key in aliases.items() if key in passages}


def evidence_items(passages: Mapping[str, Passage], hits: Iterable[Hit], *, budget_chars: int) -> list[EvidenceItem]:
    """Return prompt items, best first: as many whole passages as fit into `budget_chars`, and at least one."""
    asked_by: dict[str, list[Hit]] = {}
    for hit in hits:
        asked_by.setdefault(hit.evidence_id, []).append(hit)
    items = [_item(alias, passage, asked_by.get(passage.evidence_id, [])) for alias, passage in passages.items()]
    ranked = sorted(items, key=lambda item: -(item.score or 0.0))
    chosen: list[EvidenceItem] = []
    for item in ranked:
        budget_chars -= len(item.model_dump_json()) + 1
        if budget_chars < 0 and chosen:
            break
        chosen.append(item)
    return chosen


def _item(alias: str, passage: Passage, hits: list[Hit]) -> EvidenceItem:
    scores = [score for hit in hits if (score := hit.scores.best) is not None]
    return EvidenceItem(
        alias=alias,
        title=passage.title,
        text=passage.text,
        heading_path=passage.heading_path,
        sub_questions=tuple(dict.fromkeys(hit.sub_question for hit in hits)),
        score=max(scores, default=None),
    )
