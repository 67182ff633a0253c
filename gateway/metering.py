"""What a call takes: counted before it for the reservation, after it where the provider reports nothing."""

from __future__ import annotations

from collections.abc import Sequence

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from gateway.catalog import ModelEntry
from gateway.token_estimates import CAUTIOUS_CHARS_PER_TOKEN, MAX_CHARS_PER_TOKEN
from state.errors import PromptTooLong
from state.values import Usage

SPARED_CHARS = 5_500
"""What the gateway adds to a prompt: the schema (2,000 characters), a repair (2,500), headings."""


def chars_of(messages: Sequence[BaseMessage]) -> int:
    """Return the characters of a prompt."""
    return sum(len(message.text) for message in messages)


def most_tokens(messages: Sequence[BaseMessage]) -> int:
    """Return an upper estimate of a prompt's tokens: a third of its ASCII characters, two for every other one.

    Chinese or Thai takes about one token a character, rarer scripts more: counted like English, a prompt in them
    would cost three times its reservation.
    """
    text = "".join(message.text for message in messages)
    plain = sum(map(str.isascii, text))
    return _tokens(plain) + 2 * (len(text) - plain)


def answer_tokens(entry: ModelEntry, wanted: int) -> int:
    """Return the longest answer that is asked for: at most half of the context, the rest is the prompt's."""
    return min(wanted, entry.output_cap, entry.context_window // 2)


def prompt_chars(entry: ModelEntry, max_output_tokens: int) -> int:
    """Return how many characters a caller's prompt may have, so that answer, schema and repair still fit."""
    room = (entry.context_window - answer_tokens(entry, max_output_tokens)) * CAUTIOUS_CHARS_PER_TOKEN
    return max(room - SPARED_CHARS, room // 3)


def check_fits(entry: ModelEntry, messages: Sequence[BaseMessage], max_output_tokens: int) -> None:
    """Raise `PromptTooLong` where prompt and answer do not fit into the model's context."""
    needed = most_tokens(messages) + max_output_tokens
    if needed > entry.context_window:
        raise PromptTooLong(
            f"prompt and answer need about {needed} tokens, and {entry.id!r} takes {entry.context_window}"
        )


def worst_usage(
    entry: ModelEntry, messages: Sequence[BaseMessage], max_output_tokens: int, *, beside: str = ""
) -> Usage:
    """Return what a call uses at most, its cost included; `beside` is sent with the messages: a schema, tools.

    Raises:
        PriceUnknown: the catalogue has no price for the model.
    """
    asked, said = chars_of(messages) + len(beside), max_output_tokens * MAX_CHARS_PER_TOKEN
    tokens = most_tokens([*messages, HumanMessage(beside)])
    units = (asked, said) if entry.unit == "characters" else (tokens, max_output_tokens)
    return Usage(
        calls=1,
        input_chars=asked,
        output_chars=said,
        input_tokens=tokens,
        output_tokens=max_output_tokens,
        cost_micro_usd=entry.cost(*units),
    )


def input_usage(entry: ModelEntry, texts: Sequence[str]) -> Usage:
    """Return what a call without a written answer uses: embeddings, reranking, guardrails.

    Raises:
        PriceUnknown: the catalogue has no price for the model.
    """
    chars = sum(map(len, texts))
    units = chars if entry.unit == "characters" else _tokens(chars)
    return Usage(calls=1, input_chars=chars, input_tokens=_tokens(chars), cost_micro_usd=entry.cost(units, 0))


def usage_of_call(entry: ModelEntry, messages: Sequence[BaseMessage], answer: AIMessage) -> Usage:
    """Return what the provider reports, counted where it does not."""
    asked = chars_of(messages)
    said = int(answer.response_metadata.get("output_chars", len(answer.text)))  # before a stop sequence cut it
    reported = answer.usage_metadata
    tokens_in = (reported["input_tokens"] if reported else 0) or _tokens(asked)
    tokens_out = (reported["output_tokens"] if reported else 0) or _tokens(said)
    units = (tokens_in, tokens_out) if entry.unit == "tokens" else (asked, said)
    return Usage(
        calls=1,
        input_chars=asked,
        output_chars=said,
        input_tokens=tokens_in,
        output_tokens=tokens_out,
        cost_micro_usd=entry.cost(*units),
    )


def _tokens(chars: int) -> int:
    return -(-chars // CAUTIOUS_CHARS_PER_TOKEN)
