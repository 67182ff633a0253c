"""Personal data of the evidence leaves on no surface: one corpus, one question, every way a report reaches somebody."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from retrieval import open_corpus
from settings import Settings
from state.values import MASK
from tests.experience.conftest import write_documents
from tests.experience.everywhere.ways import WAYS
from tests.experience.service.test_service import ask, service_of

ADDRESS, NUMBER = "jane.doe@heron-shipping.com", "+49 30 90182041"
QUESTION = "Who answers questions about the Heron contract?"
TEXT = f"# Contacts\n\nJane Doe answers questions about the Heron contract at {ADDRESS} or {NUMBER}.\n"


@pytest.fixture(scope="module")
def contacts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home folder whose corpus `small` holds a sentence with an address and a number, which answers the question."""
    root = tmp_path_factory.mktemp("contacts")
    documents = write_documents(root / "docs", {"contacts.md": TEXT})

    async def ingest() -> None:
        async with open_corpus(Settings(home=root / "home"), "small") as corpus:
            await corpus.ingest([documents])

    asyncio.run(ingest())
    return root / "home"


@pytest.mark.parametrize("way", WAYS)
async def test_a_masked_address_is_on_no_surface(way, contacts, tmp_path):
    seen = await way(contacts, QUESTION, tmp_path)
    assert "Jane Doe answers questions about the Heron contract" in seen, "the sentence itself is published"
    assert ADDRESS not in seen
    assert NUMBER not in seen
    assert MASK * len(ADDRESS) in seen or json.dumps(MASK * len(ADDRESS))[1:-1] in seen


async def test_the_report_says_what_was_masked_and_no_span_holds_it(contacts):
    exporter = InMemorySpanExporter()
    async with service_of(contacts) as service:
        # The process has one tracer provider, whichever test opened it: its own exporter sees this run.
        trace.get_tracer_provider().add_span_processor(SimpleSpanProcessor(exporter))
        report = await service.run(ask(QUESTION))
    assert report.status == "answered"
    assert {report.markdown[mask.start : mask.end].strip(MASK) for mask in report.masks} == {""}
    assert len(report.masks) == 4, "an address and a number, in the direct answer and in its excerpt"
    spans = "".join(span.to_json() for span in exporter.get_finished_spans())
    assert "execute_node publish" in spans
    assert ADDRESS not in spans
    assert NUMBER not in spans
