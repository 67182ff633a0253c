"""A question whose answer stands in a document that only the first answer names, on the embedded profile."""

from __future__ import annotations

from pathlib import Path

from experience.service import ResearchService, open_service
from settings import Settings
from state.report import Report
from tests.experience.conftest import write_documents
from tests.experience.service.helpers import ask

MUSEUM = "# Harbour Museum\n\nThe Harbour Museum was founded by Mara Quill in 1988. It shows ships and their tools.\n"
FOUNDER = "# Mara Quill\n\nMara Quill was a captain. Mara Quill was born in Kestrel Bay and sailed for thirty years.\n"
OTHERS = {
    "ferry.md": "# Ferry\n\nThe founder of the harbour ferry was born beside the museum of the harbour.\n",
    "rates.md": "# Rates\n\nA day ticket to the museum costs 12 euros from April to October.\n",
}
QUESTION = "Where was the founder of the Harbour Museum born?"


async def asked(folder: Path, documents: dict[str, str], question: str = QUESTION) -> Report:
    """Return the report on `question`; two passages a search, so that the first misses a document."""
    docs = write_documents(folder / "docs", {**OTHERS, **documents})
    async with open_service(Settings(home=folder / "home")) as service:
        await ingest(service, docs)
        return await service.run(ask(question, k=2))


async def ingest(service: ResearchService, docs: Path) -> None:
    corpus = await service.corpora.create("local", "small")
    await corpus.ingest([docs])


async def test_the_second_round_asks_for_the_name_that_the_first_found(tmp_path: Path) -> None:
    report = await asked(tmp_path, {"museum.md": MUSEUM, "roe.md": FOUNDER})
    assert "Kestrel Bay" in " ".join(claim.text for claim in report.claims[:2])
    assert (report.research_rounds, report.gaps) == (2, ())


async def test_a_second_hop_that_no_document_answers_leaves_a_gap_in_the_users_words(tmp_path: Path) -> None:
    report = await asked(tmp_path, {"museum.md": MUSEUM})
    assert (report.status.value, report.research_rounds) == ("partial", 2)
    assert report.gaps == (f"It is not certain that the passages answer: {QUESTION}",)


async def test_an_overview_tells_how_the_documents_begin_and_how_many_they_are(tmp_path: Path) -> None:
    report = await asked(tmp_path, {"museum.md": MUSEUM, "roe.md": FOUNDER}, "Give me an overview for our CFO.")
    assert {evidence.title for evidence in report.evidence} == {"Ferry", "Rates", "Harbour Museum", "Mara Quill"}
    assert (report.status.value, report.gaps) == ("answered", ())
    assert not any("draws on" in line for line in report.unresolved)
