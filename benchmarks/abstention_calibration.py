"""Where to abstain: the extractive model's threshold against questions with and without support in the corpus.

Data: 2WikiMultiHopQA subset (`../shared/data/twowiki_multihop`): 3,350 paragraphs, answerable questions of split
`dev`, and 40 whose support is absent. Each question is planned, retrieved (`k` passages per sub-question) and analysed
in two rounds, as the graph does; then every threshold is applied to the same sentences. "lower case" takes away the
capitals by which the model knows names, so that only scores are left.

    python benchmarks/abstention_calibration.py [--data DIR] [--answerable 100] [-k 8]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings

from gateway.extractive.analysis import Limits, Reading, analyse, candidates
from gateway.extractive.chat import DEFAULT_THRESHOLD
from gateway.extractive.plan import plan
from retrieval import load_embeddings, open_corpus
from settings import load_settings
from state.evidence_block import EvidenceItem
from state.roles import Analysis
from state.values import Passage

THRESHOLDS = (0.0, 0.3, 0.35, 0.4, 0.42, 0.45, 0.48, 0.5, 0.52, 0.55, 0.6, 0.65)
DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "twowiki_multihop"


@dataclass(frozen=True)
class Read:
    """One question's sentences with their vectors."""

    question: str
    reading: Reading
    rows: list[list[float]]

    def analysis(self, threshold: float) -> Analysis:
        """Return what the analyzer says at `threshold`."""
        return analyse(self.reading, self.rows, Limits(threshold), rounds_left=0)


def lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        yield from (json.loads(line) for line in file)


@asynccontextmanager
async def corpus_of(data: Path, home: Path, embeddings: Embeddings) -> AsyncIterator[Any]:
    documents = [
        Document(page_content=row["text"], metadata={"title": row["title"], "source": row["_id"]})
        for row in lines(data / "corpus.jsonl")
    ]
    async with open_corpus(load_settings(home=home), "twowiki", embeddings=embeddings) as corpus:
        await corpus.ingest(documents)
        yield corpus


async def read(question: str, corpus: Any, embeddings: Embeddings, k: int) -> Read:
    """Read for one question, with a second round for what the first leaves open at the default threshold."""
    parts = plan({"question": question, "max_sub_questions": 4}).sub_questions
    found = {hit.evidence_id: hit for part in parts for hit in await corpus.search(part, k)}
    first = await rank(question, parts, found, embeddings)
    left = {gap.sub_question for gap in first.analysis(DEFAULT_THRESHOLD).gaps}
    gaps = [part for n, part in enumerate(parts, 1) if f"q{n}" in left]
    if not gaps:
        return first
    again = plan({"question": question, "open_gaps": gaps, "max_sub_questions": 4}).sub_questions
    found |= {hit.evidence_id: hit for part in again for hit in await corpus.search(part, k)}
    return await rank(question, [part for part in parts if part not in gaps] + again, found, embeddings)


async def rank(question: str, parts: list[str], found: dict[str, Passage], embeddings: Embeddings) -> Read:
    items = [
        EvidenceItem(alias=f"E{n}", title=hit.title, text=hit.text, heading_path=hit.heading_path)
        for n, hit in enumerate(found.values(), 1)
    ]
    asked = [{"id": f"q{n}", "text": part} for n, part in enumerate(parts, 1)]
    reading = candidates({"question": question, "sub_questions": asked}, items, Limits(0.0))
    return Read(question, reading, await embeddings.aembed_documents(list(reading.texts)))


async def main() -> None:
    arguments = parse()
    embeddings = load_embeddings(load_settings())
    questions = list(lines(arguments.data / "qa.jsonl"))
    absent = [row["question"] for row in questions if row["split"] == "no_knowledge"]
    dev = [row["question"] for row in questions if row["split"] == "dev"][: arguments.answerable]
    with tempfile.TemporaryDirectory() as home:
        async with corpus_of(arguments.data, Path(home), embeddings) as corpus:
            for name, change in (("as asked", str), ("lower case", str.lower)):
                without = [await read(change(each), corpus, embeddings, arguments.k) for each in absent]
                with_support = [await read(change(each), corpus, embeddings, arguments.k) for each in dev]
                table(name, without, with_support)


def table(name: str, absent: list[Read], answerable: list[Read]) -> None:
    print(f"\n{name}\n| threshold | absent, abstained | answerable, answered | answerable, partly |\n|---|---|---|---|")
    for threshold in THRESHOLDS:
        silent = sum(not each.analysis(threshold).findings for each in absent)
        analyses = [each.analysis(threshold) for each in answerable]
        full = sum(bool(each.findings) and not each.gaps for each in analyses)
        part = sum(bool(each.findings) and bool(each.gaps) for each in analyses)
        print(f"| {threshold:.2f} | {silent} of {len(absent)} | {full} of {len(analyses)} | {part} |")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--answerable", type=int, default=100)
    parser.add_argument("-k", type=int, default=load_settings().retrieval.passages_per_sub_question)
    return parser.parse_args()


if __name__ == "__main__":
    asyncio.run(main())
