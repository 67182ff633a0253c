"""Abstention and answers in one table: the whole service on 2WikiMultiHop, split dev.

Of the 40 questions whose support is absent from the corpus, how many abstained; of 100 answerable ones, how many
answered. `answered` and `partial` are counted apart; only the first counts as answered. The first 100 answerable dev
questions by id are taken, so that nobody picked them.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections import Counter
from pathlib import Path

from experience.service import ResearchRequest, ResearchService, open_service
from settings import load_settings
from state.channels import ResearchContext
from state.report import Report

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "twowiki_multihop"
ANSWERABLE = 100


def questions() -> dict[str, list[dict[str, str]]]:
    """Return the absent questions and the first answerable dev ones."""
    rows = [json.loads(line) for line in (DATA / "qa.jsonl").read_text(encoding="utf-8").splitlines()]
    dev = sorted((row for row in rows if row["split"] == "dev"), key=lambda row: row["_id"])
    return {"absent": [row for row in rows if row["split"] == "no_knowledge"], "answerable": dev[:ANSWERABLE]}


async def ask(service: ResearchService, question: str) -> Report:
    """Return the report on one question, on a thread of its own."""
    return await service.run(ResearchRequest(question=question, context=ResearchContext(corpus="wiki")))


async def main(home: Path) -> None:
    """Ingest, ask, print the table."""
    async with open_service(load_settings(home=home, telemetry={"jsonl": False})) as service:
        corpus = await service.corpora.create("local", "wiki")
        report = await corpus.ingest(DATA / "corpus.jsonl")
        print(f"corpus: {report.added + report.unchanged} documents")
        print("questions    asked  answered  partial  abstained  other  answer in claims")
        for kind, rows in questions().items():
            counts: Counter[str] = Counter()
            found = 0
            for row in rows:
                result = await ask(service, row["question"])
                counts[result.status.value] += 1
                text = " ".join(claim.text for claim in result.claims).lower()
                found += any(str(answer).lower() in text for answer in row.get("answers") or [])
            rest = len(rows) - counts["answered"] - counts["partial"] - counts["abstained"]
            shares = "".join(
                f"{counts[name] / len(rows):>{width}.2f}"
                for name, width in (("answered", 10), ("partial", 9), ("abstained", 11))
            )
            print(f"{kind:<12}{len(rows):>6}{shares}{rest:>7}{found / len(rows):>18.2f}", flush=True)


if __name__ == "__main__":
    if not DATA.is_dir():
        sys.exit(f"skipped: the evaluation data is not at {DATA.name}")
    if len(sys.argv) > 1:
        asyncio.run(main(Path(sys.argv[1])))
    else:
        with tempfile.TemporaryDirectory() as folder:
            asyncio.run(main(Path(folder)))
