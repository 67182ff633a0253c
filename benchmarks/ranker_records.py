"""Records the questions that the extractive ranker is trained on, with the evidence that a first round finds for them.

`python -m benchmarks.ranker_records RECORDS [--home DIR] [--most N]` writes a file for `gateway.extractive.train`. Only
training halves are read: split dev of 2WikiMultiHopQA, and of the other sets, and of the questions without support,
those whose id has an even digest. Questions of one set that are asked of another corpus are absent by construction.
Those of `documentation-questions.jsonl` are our own, on Oracle's documentation (UPL 1.0, small excerpts as gold); their
subjects are others than those of `docs/reference/oracle-questions.jsonl`, which is a test. The corpora are ingested
below DIR once.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.quality.sets import DATA
from experience.service import open_service
from gateway.extractive.plan import plan
from gateway.extractive.training.examples import holds, normal
from nodes.evidence import ranked_items
from retrieval import Corpus
from settings import load_settings
from state.evidence_block import EvidenceItem
from state.values import Hit, Passage

Row = dict[str, Any]

CORPORA = {
    "twowiki": "twowiki_multihop/corpus.jsonl",
    "clapnq": "clapnq_dev/corpus.jsonl",
    "musique": "musique_100/corpus.jsonl",
    "oracle": "documents/oracle",
}
FOLDERS = {"twowiki": "twowiki_multihop", "clapnq": "clapnq_dev", "musique": "musique_100"}
MOST = 160
ELSEWHERE = 40
"""Questions of each other set that are asked of a corpus that cannot answer them."""
BESIDE = 4
DOCUMENTATION = Path(__file__).with_name("documentation-questions.jsonl")
_CHAIN = 4
_TELLING = 8  # characters of an answer that tells by itself, wherever it stands; a "10" does not


def training(name: str) -> list[Row]:
    """Return the questions of a set that may be trained on, in the order of their digests: nobody picked them."""
    lines = (DATA / FOLDERS[name] / "qa.jsonl").read_text(encoding="utf-8").splitlines()
    rows = sorted(map(json.loads, lines), key=lambda row: _digest(row["_id"]))
    return [row for row in rows if row.get("split") == "dev" or (row.get("split") != "test" and _even(row["_id"]))]


def _digest(name: str) -> int:
    return int(hashlib.sha256(name.encode()).hexdigest(), 16)


def _even(name: str) -> bool:
    return _digest(name) % 2 == 0


async def record(name: str, row: Row, corpus: Corpus, *, absent: bool) -> Row:
    """Return what one question finds in `corpus`."""
    asked = plan({"question": row["question"], "max_sub_questions": 4}).sub_questions
    items, documents = await evidence(corpus, asked)
    gold = {each["doc_id"] for each in row.get("evidence") or []} if not absent else set()
    kind = "absent" if absent or row.get("split") == "no_knowledge" else "answerable" if gold else "near_miss"
    return {
        "set": name,
        "id": row["_id"],
        "kind": kind,
        "passages": [item.model_dump(mode="json", exclude_defaults=True) for item in items],
        "gold": [alias for alias, source in documents.items() if source.rpartition("#")[2] in gold],
        "telling": telling(row) if kind == "answerable" else [],
        "parts": [{"text": part, **wanted(row, part, len(asked))} for part in asked],
    }


async def documented(row: Row, corpus: Corpus) -> Row:
    """Return what one of our own questions on documentation finds in `corpus`."""
    asked = plan({"question": row["question"], "max_sub_questions": 4}).sub_questions
    items, documents = await evidence(corpus, asked)
    gold = row.get("gold") or []
    texts = [each["text"] for each in gold]
    several = len(texts) > 1
    answers = [] if several else [each for each in row.get("answers") or [] if len(normal(each)) >= _TELLING]
    return {
        "set": "documentation",
        "id": row["_id"],
        "kind": "answerable" if gold else "near_miss" if row["group"] == "near miss" else "absent",
        "passages": [item.model_dump(mode="json", exclude_defaults=True) for item in items],
        "gold": [name for name, source in documents.items() if any(source.endswith(each["document"]) for each in gold)],
        "telling": texts,
        "parts": [{"text": part, "wanted": [*texts, *answers], "every": several and len(asked) == 1} for part in asked],
    }


def steps(row: Row) -> list[Row]:
    """Return the single steps of a question as questions of their own, each with the answers of those before it."""
    answers: list[str] = []
    found: list[Row] = []
    for step in row.get("decomposition") or []:
        text = step["question"]
        for number, answer in enumerate(answers, 1):
            text = text.replace(f"#{number}", answer)
        answers.append(step["answer"])
        found.append({**row, "question": text, "answers": [step["answer"]], "decomposition": []})
    return found


async def evidence(corpus: Corpus, asked: Sequence[str]) -> tuple[list[EvidenceItem], dict[str, str]]:
    """Return the items that a prompt of the first round holds, and the source of each alias."""
    passages: dict[str, Passage] = {}
    hits: list[Hit] = []
    for number, text in enumerate(asked, 1):
        found = await corpus.search(text, k=8, beside=BESIDE)
        for passage in found:
            passages.setdefault(passage.evidence_id, passage)
        hits += [Hit(evidence_id=each.evidence_id, sub_question=f"q{number}", scores=each.scores) for each in found]
    named = {f"E{number}": passage for number, passage in enumerate(passages.values(), 1)}
    return ranked_items(named, hits), {alias: passage.source for alias, passage in named.items()}


def telling(row: Row) -> list[str]:
    """Return the texts that mark a sentence of the gold documents as one that answers, or leads to the answer."""
    sentences = [text for each in row["evidence"] for text in each.get("sentences") or []]
    hops = [each["answer"] for each in row.get("decomposition") or []]
    objects = [triple[2] for triple in row.get("gold_triples") or []]
    found = sentences or [*row["answers"], *hops, *objects]
    return [text for text in dict.fromkeys(found) if text.lower() not in ("yes", "no")]


def wanted(row: Row, part: str, parts: int) -> Mapping[str, Any]:
    """Return what must be quoted for a sub-question: the answer, or all that leads there if it is a side of several."""
    triples = row.get("gold_triples") or []
    if triples and (parts > 1 or row["answers"][0].lower() in ("yes", "no")):
        return {"wanted": _chain(part, triples), "every": True}
    sentences = [text for each in row.get("evidence") or [] for text in each.get("sentences") or []]
    return {"wanted": sentences or row["answers"], "every": False}


def _chain(part: str, triples: Iterable[Sequence[str]]) -> list[str]:
    """Return the objects that the triples reach from the names in `part`."""
    reached: list[str] = []
    for _ in range(_CHAIN):
        for subject, _relation, thing in triples:
            if thing not in reached and (holds(part, subject) or any(holds(each, subject) for each in reached)):
                reached.append(thing)
    return reached


async def main() -> None:
    """Ingest the corpora, ask, and write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("records", type=Path)
    parser.add_argument("--home", type=Path, help="where the corpora stay; a temporary folder without it")
    parser.add_argument("--most", type=int, default=MOST, help="questions of each kind of a set")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        lines = [line for name in CORPORA async for line in _of_corpus(name, given.home or Path(temporary), given.most)]
    given.records.write_text("".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines), encoding="utf-8")


async def _of_corpus(name: str, home: Path, most: int) -> Any:
    async with open_service(load_settings(home=home / name, telemetry={"jsonl": False})) as service:
        corpus = await service.corpora.create("local", name)
        if not (home / name / ".ingested").exists():
            await corpus.ingest(DATA / CORPORA[name])
            (home / name / ".ingested").touch()
        own = training(name) if name in FOLDERS else []
        for answerable in (True, False):
            for row in [each for each in own if each["answerable"] is answerable][:most]:
                for one in (row, *steps(row)):
                    yield await record(name, one, corpus, absent=False)
        if name == "oracle":
            for line in DOCUMENTATION.read_text(encoding="utf-8").splitlines():
                yield await documented(json.loads(line), corpus)
        for other in FOLDERS:
            if other != name:
                for row in [each for each in training(other) if each["answerable"]][:ELSEWHERE]:
                    yield await record(f"{other} asked of {name}", row, corpus, absent=True)
        print(f"{name}: recorded", flush=True)


if __name__ == "__main__":
    asyncio.run(main())
