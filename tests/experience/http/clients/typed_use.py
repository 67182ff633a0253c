"""A program that uses the Python client. `mypy --strict` checks it, and a test runs it."""

from __future__ import annotations

from collections.abc import Sequence

from sixplane_client import (
    ApiError,
    AssistantTurn,
    AsyncSixplane,
    BatchRequest,
    ChatRequest,
    ChatResponse,
    Parameters,
    ResearchContext,
    Sixplane,
    SystemTurn,
    UserTurn,
)


def asked(question: str, corpus: str, thread: str | None = None) -> ChatRequest:
    """Return a question with a turn before it and all fields."""
    return ChatRequest(
        messages=[
            SystemTurn(role="system", content="Be brief."),
            UserTurn(content="What is the price of Tariff B?"),
            AssistantTurn(content="20 dollars a month."),
            UserTurn(content=question),
        ],
        model="sixplane",
        parameters=Parameters(length="brief", max_tokens=500),
        context=ResearchContext(corpus=corpus),
        thread_id=thread,
    )


def answered(client: Sixplane, question: str, corpus: str) -> ChatResponse:
    """Answer a question."""
    return client.chat(asked(question, corpus))


def streamed(client: Sixplane, question: str, corpus: str) -> tuple[str, list[str]]:
    """Return the text of an answer as it came, and the nodes that made it."""
    text, nodes = "", list[str]()
    for event in client.stream_chat(asked(question, corpus)):
        if event.type == "text":
            text += event.text
        elif event.type == "node_started":
            nodes.append(event.node)
    return text, nodes


async def statuses(client: AsyncSixplane, questions: Sequence[str], corpus: str) -> list[str]:
    """Return how each answer of a batch ended."""
    batch = BatchRequest(requests=[asked(each, corpus) for each in questions])
    items = (await client.batch_process(batch)).items
    return [item.response.metadata.status if item.response else item.status for item in items]


def refusal(client: Sixplane, question: str, corpus: str) -> tuple[str, str, float | None]:
    """Return code, hint and delay of the error that a question ends in."""
    try:
        answered(client, question, corpus)
    except ApiError as error:
        return error.code, error.hint, error.retry_after
    return "", "", None
