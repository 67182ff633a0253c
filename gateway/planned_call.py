"""One call as the governor takes it: what it may use, who pays, how to make it and how to measure it."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, Literal, TypeVar

from opentelemetry.trace import Span

from gateway.catalog import ModelEntry
from gateway.ledger.account import Account, current_account
from state.values import Usage

Answer = TypeVar("Answer")
Operation = Literal["chat", "embeddings", "rerank", "guard", "search"]


@dataclass(frozen=True)
class PlannedCall(Generic[Answer]):
    """One call, before it is made.

    Args:
        operation: the kind of call.
        entry: the model's entry in the catalogue.
        account: the account that is charged.
        key: identifies the call; the same after a crash.
        most: the most that the call can use; its cost is reserved.
        ask: sends the request to the provider once.
        measure: returns what an answer used.
        dump: converts an answer to text for the memo; `None` for calls that are not memoised.
        load: converts such a text back to the answer.
        attributes: attributes of the call's span.
        role: the role of the calling agent.
        observe: copies facts from the answer to the span.
        request_id: returns the provider's id of the request that produced an answer.
        sent: the texts of the request: where a refusal quotes them, they are left out of its message.
        called: what errors call what is asked; empty: the model by its id.
    """

    operation: Operation
    entry: ModelEntry
    account: Account
    key: str
    most: Usage
    ask: Callable[[], Awaitable[Answer]]
    measure: Callable[[Answer], Usage]
    dump: Callable[[Answer], str] | None = None
    load: Callable[[str], Answer] | None = None
    attributes: Mapping[str, str | bool | int | float] = field(default_factory=dict)
    role: str = ""
    observe: Callable[[Span, Answer], None] | None = None
    request_id: Callable[[Answer], str] | None = None
    sent: Sequence[str] = ()
    called: str = ""

    @property
    def told(self) -> str:
        """What errors call what is asked."""
        return self.called or f"the model {self.entry.id!r}"


def unmemoised_call(
    operation: Operation,
    entry: ModelEntry,
    most: Usage,
    ask: Callable[[], Awaitable[Answer]],
    measure: Callable[[Answer], Usage],
    sent: Sequence[str],
) -> PlannedCall[Answer]:
    """Return a call without a memo, charged to the current account: an embedding, a reranking or a guard check.

    Its key is random. With a shared key, two equal calls at once would look like one call that died and was made
    again: the ledger would charge the first in full.
    """
    return PlannedCall(
        operation=operation,
        entry=entry,
        account=current_account(),
        key=uuid.uuid4().hex,
        most=most,
        ask=ask,
        measure=measure,
        attributes={"gen_ai.provider.name": entry.provider, "gen_ai.request.model": entry.id},
        sent=sent,
    )
