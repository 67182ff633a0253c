"""`sixplane research`: answers a question with a cited report."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from experience.cli.amounts import RunBudget, budget_of
from experience.cli.commands.documents.ingest import check_paths, ingest_into, summary_of
from experience.cli.completion import complete_corpus, complete_thread
from experience.cli.following import Outcome, conclude, follow
from experience.cli.options import FormOption, Home, Json, LengthOption, OutFolder, Tenant
from experience.cli.output import note
from experience.cli.running import run_async, settings_of, text_argument

if TYPE_CHECKING:
    from experience.service import ResearchService
    from settings import Settings

DEFAULT_CORPUS = "default"

Question = Annotated[str, typer.Argument(help="The question; `-` reads it from standard input.")]
Docs = Annotated[list[Path] | None, typer.Option("--docs", help="A file or folder to ingest first; may be repeated.")]
Corpus = Annotated[
    str | None,
    typer.Option(
        "--corpus",
        "-c",
        help="The corpus to answer from.",
        show_default=DEFAULT_CORPUS,
        autocompletion=complete_corpus,
    ),
]
Thread = Annotated[
    str | None,
    typer.Option(
        "--thread",
        help="The thread to ask on; it remembers its earlier questions.",
        autocompletion=complete_thread,
    ),
]
Model = Annotated[str, typer.Option("--model", help="The model for every role; `sixplane models` lists them.")]
HumanReview = Annotated[
    bool, typer.Option("--human-review", help="Wait for your answer to the draft before publishing.")
]
K = Annotated[
    int | None,
    typer.Option(
        "-k",
        help="The number of passages per sub-question; default: the setting `retrieval.passages_per_sub_question`.",
        min=1,
        max=50,
        show_default=False,
    ),
]


def research(
    question: Question,
    docs: Docs = None,
    corpus: Corpus = None,
    thread: Thread = None,
    model: Model = "",
    length: LengthOption = "standard",
    form: FormOption = "answer",
    human_review: HumanReview = False,
    out: OutFolder = None,
    k: K = None,
    budget_usd: RunBudget = None,
    tenant: Tenant = "local",
    json_output: Json = False,
    home: Home = None,
) -> None:
    """Answer a question from your documents, with a source for every claim."""
    from settings import checked_name

    choice: dict[str, Any] = {
        "model": model,
        "length": length,
        "form": form,
        "human_review": human_review,
        "k": k,
        "budget_micro_usd": budget_of(budget_usd),
    }
    choice["tenant"] = checked_name("tenant", tenant)
    choice["corpus"] = checked_name("corpus", corpus or (corpus_of(docs) if docs else DEFAULT_CORPUS))
    if thread is not None:
        checked_name("thread", thread)
    settings = settings_of(home)
    outcome = run_async(_research(settings, text_argument(question), docs or [], thread, choice))
    conclude(outcome, settings, out=out, json_output=json_output)


def corpus_of(paths: list[Path]) -> str:
    """Return a corpus name derived from the contents of `paths`: changed files make another corpus."""
    check_paths(paths)
    digest = hashlib.sha256()
    for path in paths:
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file():
                # Names count too: reports cite their sources by name.
                digest.update(f"{file.relative_to(path.parent)}\0".encode("utf-8", "surrogateescape"))
                digest.update(_digest(file))
    return f"docs-{digest.hexdigest()[:16]}"


async def _research(
    settings: Settings, question: str, docs: list[Path], thread: str | None, choice: dict[str, Any]
) -> Outcome:
    from experience.service import ResearchRequest, open_service
    from state.channels import ResearchContext

    request = ResearchRequest(question=question, thread_id=thread, context=ResearchContext(**choice))
    check_paths(docs)
    async with open_service(settings) as service:
        if docs:
            await _ingest_docs(service, request.context, docs)
        return await follow(service, service.stream(request), request.context.tenant)


async def _ingest_docs(service: ResearchService, context: Any, docs: list[Path]) -> None:
    report = await ingest_into(service.settings, service.corpora, context.tenant, context.corpus, docs)
    for line in summary_of(report, context.corpus):
        note(line)


def _digest(file: Path) -> bytes:
    """Return the SHA-256 of a file, or nothing if it cannot be read: ingestion will report it."""
    try:
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").digest()
    except OSError:
        return b""
