"""Loading the passages that state refers to, and choosing and describing those that go into a prompt.

Whatever comes from a document is neutralised here (`citation_marks`): text, title, headings and source.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from gateway.metering import counted_chars
from policy import withheld_from
from retrieval import Corpus
from state.channels import ResearchState
from state.citation_marks import neutralised
from state.editions import document_date, document_version
from state.evidence_block import EvidenceItem
from state.values import Hit, Mask, Passage

_SOURCE_CHARS = 200
"""Maximum length of a source in a prompt. A chosen value: an address with a long query tells no more than its start."""


async def load_evidence(state: ResearchState, corpus: Corpus) -> dict[str, Passage]:
    """Return the run's screened passages by alias, without passages that were pruned since."""
    aliases = state.get("aliases", {})
    passages = readable(state, await corpus.passages(list(aliases.values())))
    return {alias: passages[key] for alias, key in aliases.items() if key in passages}


def readable(state: ResearchState, passages: Mapping[str, Passage]) -> dict[str, Passage]:
    """Return `passages` by evidence id, without the parts that the run withholds."""
    masks: dict[str, list[Mask]] = {key: [] for key in passages}
    for each in state.get("withheld", ()):
        masks.setdefault(each.evidence_id, []).extend(each.masks)
    return {key: withheld_from(passage, masks[key]) for key, passage in passages.items()}


def chars_of(state: ResearchState, passages: Mapping[str, Passage]) -> int:
    """Return how many characters the draft and the passages have together."""
    draft = state.get("draft")
    return (len(draft.markdown) if draft else 0) + sum(len(passage.text) for passage in passages.values())


def ranked_items(
    passages: Mapping[str, Passage], hits: Sequence[Hit], fenced: Collection[str] = ()
) -> list[EvidenceItem]:
    """Return a prompt item for each passage, best first, and those whose ids are `fenced` after all others.

    The searches take turns: first the best passage of each, then the second of each. Their scores are not comparable,
    since each is relative to what its own search found; they only order the passages of one turn.

    A text that stands in a better passage too is left out: copies of a document and overlapping passages tell nothing
    new, and would look like a second source.
    """
    asked_by: dict[str, list[Hit]] = {}
    for hit in hits:
        asked_by.setdefault(hit.evidence_id, []).append(hit)
    alias_of = {passage.evidence_id: alias for alias, passage in passages.items()}
    return distinct(
        _item(alias_of[key], passages[alias_of[key]], asked_by.get(key, []), fenced=key in fenced)
        for key in in_order(alias_of, hits, fenced)
    )


def in_order(shown: Iterable[str], hits: Iterable[Hit], fenced: Collection[str] = ()) -> list[str]:
    """Return the ids of `shown` passages as prompts show them; `ranked_items` says how."""
    found = list(shown)
    # What is left out, or stands last, takes no turn: a poisoned passage must not push the others down.
    taking = set(found) - set(fenced)
    best: dict[str, float] = {}
    by_search: dict[str, list[tuple[float, str]]] = {}
    for hit in hits:
        if (score := hit.scores.best) is not None:
            best[hit.evidence_id] = max(score, best.get(hit.evidence_id, score))
            if hit.evidence_id in taking:
                by_search.setdefault(hit.sub_question, []).append((score, hit.evidence_id))
    turn: dict[str, int] = {}
    for search in by_search.values():
        for rank, (_, key) in enumerate(sorted(search, key=lambda each: -each[0])):
            turn[key] = min(rank, turn.get(key, rank))
    last = len(turn)  # passages that only stand beside a hit come after all hits
    return sorted(found, key=lambda key: (key in fenced, turn.get(key, last), -best.get(key, 0.0)))


def fitting(items: Iterable[EvidenceItem], room: int, most: int) -> list[EvidenceItem]:
    """Return the first of `items` that fit into `room` characters as the gateway counts them, whole.

    If not even the first does, return the first that fits into `most`, and nothing if none does.
    """
    sized = [(item, counted_chars(item.model_dump_json(exclude_defaults=True)) + 1) for item in items]
    chosen: list[EvidenceItem] = []
    for item, size in sized:
        room -= size
        if room < 0:
            break
        chosen.append(item)
    return chosen or [item for item, size in sized if size <= most][:1]


def distinct(items: Iterable[EvidenceItem]) -> list[EvidenceItem]:
    """Return `items` without those whose text stands in an earlier one, which then names their sub-questions too."""
    kept: dict[str, EvidenceItem] = {}
    for item in items:
        text = " ".join(item.text.split())
        same = next((each for each in kept if text in each), None)
        if same is None:
            kept[text] = item
        else:
            asked = dict.fromkeys([*kept[same].sub_questions, *item.sub_questions])
            kept[same] = kept[same].model_copy(update={"sub_questions": tuple(asked)})
    return list(kept.values())


def shown_source(source: str) -> str:
    """Return the source as prompts show it: an address, or a file with its folder.

    Not the whole path: it names the machine's user, and would change the prompt from machine to machine.

    >>> shown_source("/home/ann/handbook/rates/tiers.md")
    'rates/tiers.md'
    """
    line = _line(source)
    return (line if "://" in line else "/".join(line.split("/")[-2:]))[:_SOURCE_CHARS]


def _item(alias: str, passage: Passage, hits: list[Hit], *, fenced: bool) -> EvidenceItem:
    scores = [score for hit in hits if (score := hit.scores.best) is not None]
    return EvidenceItem(
        alias=alias,
        title=_line(passage.title),
        text=neutralised(passage.text),
        source=shown_source(passage.source),
        page=passage.page,
        date=document_date(passage.metadata),
        version=document_version(passage.metadata),
        heading_path=tuple(map(_line, passage.heading_path)),
        kind=passage.kind,
        sub_questions=tuple(dict.fromkeys(hit.sub_question for hit in hits)),
        score=round(max(scores), 4) if scores else None,
        untrusted=fenced,
    )


def _line(text: str) -> str:
    return neutralised(" ".join(text.split()))
