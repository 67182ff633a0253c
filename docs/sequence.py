"""The sequence diagram of one question, drawn from a real run.

A span processor records which file opens each span while the embedded profile answers a fixed question over one
document. The diagram in `docs/architecture.md` therefore names the files that really do the work.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider

from experience.service import ResearchRequest, open_service
from settings import load_settings
from state.channels import ResearchContext

ROOT = Path(__file__).resolve().parent.parent
QUESTION = "When does the monthly budget refuse a request?"
DOCUMENT = ROOT / "docs" / "sample" / "budgets-and-alerts.md"
_PLANES = ("experience", "policy", "retrieval", "gateway", "nodes")
_CARRIERS = ("nodes/traced.py", "gateway/governor.py")
"""Files that open spans for others; the file that called them is the one to draw."""
PERSON = "person"


@dataclass(frozen=True)
class Opened:
    """A span, the span that encloses it, and the file that opened it."""

    identity: int
    parent: int | None
    name: str
    file: str


class OpenerProcessor(SpanProcessor):
    """Records, for every span that starts, the file of this project that opened it."""

    def __init__(self) -> None:
        self.opened: list[Opened] = []
        self.transitions: dict[int, list[tuple[str, str]]] = {}

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:  # noqa: ARG002 - the interface
        """Look up the stack for the first file of a plane."""
        context = span.get_span_context()
        parent = span.parent.span_id if span.parent else None
        self.opened.append(Opened(context.span_id if context else 0, parent, span.name, _opener(span.name)))

    def on_end(self, span: ReadableSpan) -> None:
        """Keep the transitions, which are events of the span of the node that was left."""
        context = span.get_span_context()
        if context is not None:
            self.transitions[context.span_id] = [
                (str((event.attributes or {}).get("from")), str((event.attributes or {}).get("to")))
                for event in span.events
                if event.name == "transition"
            ]


def _opener(name: str) -> str:
    operation, _, target = name.partition(" ")
    if operation == "execute_node":
        return f"nodes/{target}.py"
    return next((file for file in _files_of_the_stack() if file not in _CARRIERS), "?")


def _files_of_the_stack() -> Iterator[str]:
    frame = sys._getframe(2)  # noqa: SLF001 - `inspect.stack` reads every source file of the stack from disk
    while frame is not None:
        path = Path(frame.f_code.co_filename)
        if path.is_relative_to(ROOT) and path.relative_to(ROOT).parts[0] in _PLANES:
            yield path.relative_to(ROOT).as_posix()
        frame = frame.f_back  # type: ignore[assignment]


async def _run(processor: OpenerProcessor) -> None:
    with tempfile.TemporaryDirectory() as home:
        settings = load_settings(home=Path(home))
        async with open_service(settings) as service:
            provider = trace.get_tracer_provider()
            if not isinstance(provider, TracerProvider):
                raise TypeError("`open_service` installed no tracer provider of the SDK")
            corpus = await service.corpora.create("local", "handbook")
            await corpus.ingest(DOCUMENT)
            provider.add_span_processor(processor)
            await service.run(ResearchRequest(question=QUESTION, context=ResearchContext(corpus="handbook")))


def sequence_diagram() -> str:
    """Return the run as a Mermaid sequence diagram in a code block."""
    processor = OpenerProcessor()
    asyncio.run(_run(processor))
    return _drawn(processor)


def _drawn(processor: OpenerProcessor) -> str:
    files = {span.identity: span.file for span in processor.opened}
    messages: list[str] = []
    for span in processor.opened:
        caller = PERSON if span.parent is None else files.get(span.parent, PERSON)
        messages.append(f"{_actor(caller)}->>{_actor(span.file)}: {span.name}")
        targets = [target for _, target in processor.transitions[span.identity]]
        messages += [f"Note over {_actor(span.file)}: transition to {target}" for target in targets]
    participants = [f"participant {_actor(file)} as {file}" for file in dict.fromkeys([PERSON, *files.values()])]
    body = "\n".join(f"\t{line}" for line in [*participants, *_folded(messages)])
    return f"```mermaid\nsequenceDiagram\n{body}\n```\n"


def _actor(file: str) -> str:
    return file.removesuffix(".py").replace("/", "_")


def _folded(lines: list[str]) -> list[str]:
    """Return `lines` with repetitions of one line marked on the first: how often depends on the corpus."""
    return [
        f"{line} (repeated)" if line == after else line
        for before, line, after in zip(["", *lines], lines, [*lines[1:], ""], strict=False)
        if line != before
    ]
