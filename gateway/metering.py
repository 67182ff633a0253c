"""The size of a call: estimated before it for the reservation, counted after it if the provider reports nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from gateway.catalog import ModelEntry, search_units
from gateway.token_estimates import CAUTIOUS_CHARS_PER_TOKEN, MAX_CHARS_PER_TOKEN
from state.errors import PromptTooLong
from state.values import Role, Usage

SPARED_CHARS = 6_000
"""Room for what the gateway adds to a prompt: the schema (2,500 characters), a repair (2,500), headings (1,000)."""


_HEADINGS_CHARS = 200
"""What stands around a schema and around passages in a prompt. A chosen value, twice of what it is today."""

_BESIDE = "beside_chars"
_ELAPSED = "elapsed_ms"

_ANSWERS = {
    Role.RESEARCHER: 1_024,  # a plan: at most six questions and eight titles, about 400 tokens, twice that in CJK
    Role.ANALYZER: 4_096,  # some twenty findings, each with a statement and the quotes that carry it
    Role.REVIEWER: 4_096,  # in the same answer a verdict on each of some sixty claims, where it is also the judge
    Role.JUDGE: 4_096,
}
_DRAFTS = {"brief": 1_024, "standard": 2_048, "deep": 6_144}
"""A draft has about 150, 500 or 1,500 words: two tokens a word with its marks, and twice that for other languages."""

_THINKING = 4_096
"""What a reasoning model may think before its answer. Providers count it as output, and cut the answer off for it."""


def wanted_tokens(entry: ModelEntry, role: Role, length: str) -> int:
    """Return how many tokens of answer a role needs: chosen values, by the length of the draft for the writer.

    At most a quarter of the context, so that a small one keeps room for evidence.
    """
    wanted = _DRAFTS[length] if role is Role.WRITER else _ANSWERS[role]
    thinking = _THINKING if "reasoning" in entry.capabilities else 0
    return min(wanted + thinking, entry.context_window // 4)


def chars_of(messages: Sequence[BaseMessage]) -> int:
    """Return the number of characters in a prompt."""
    return sum(len(message.text) for message in messages)


def most_tokens(messages: Sequence[BaseMessage]) -> int:
    """Return an upper estimate of a prompt's tokens: see `counted_chars`."""
    return _most_tokens("".join(message.text for message in messages))


def counted_chars(text: str) -> int:
    """Return how many of `prompt_chars` the text takes: as many as its tokens at three characters each.

    Three ASCII characters count as one token, a digit as one, and a character outside ASCII as two. Many tokenizers
    split numbers into digits; Chinese or Thai text takes about one token per character, rarer scripts more. Counted
    like English, such a prompt would cost three times its reservation.
    """
    plain = text.encode("ascii", "ignore")  # fifteen times as fast as asking every character, as is `translate`
    digits = len(plain) - len(plain.translate(None, b"0123456789"))
    return len(plain) + (digits + 3 * (len(text) - len(plain))) * (CAUTIOUS_CHARS_PER_TOKEN - 1)


def _most_tokens(text: str) -> int:
    return _tokens(counted_chars(text))


def answer_tokens(entry: ModelEntry, wanted: int) -> int:
    """Return how many tokens of answer to request: at most half of the context, which leaves the rest to the prompt."""
    return min(wanted, entry.output_cap, entry.context_window // 2)


def prompt_chars(entry: ModelEntry, max_output_tokens: int) -> int:
    """Return how many characters a caller's prompt may have, so that answer, schema and repair still fit.

    At least a third of the room: with a small context, `SPARED_CHARS` alone would leave nothing.
    """
    room = (entry.context_window - answer_tokens(entry, max_output_tokens)) * CAUTIOUS_CHARS_PER_TOKEN
    return max(room - SPARED_CHARS, room // 3)


def counted(answer: AIMessage, beside: str) -> AIMessage:
    """Return `answer` with the size of what was sent beside the messages: a schema, tools.

    It is kept in the answer, and so in the memo, because a format may be refused later: a call that is recalled after a
    crash must count what was sent then.
    """
    return answer.model_copy(update={"response_metadata": {**answer.response_metadata, _BESIDE: len(beside)}})


def timed(answer: AIMessage, seconds: float) -> AIMessage:
    """Return `answer` with the time that it took, for models that bill it. Kept in the memo, like `counted`."""
    spent = math.ceil(seconds * 1000)
    return answer.model_copy(update={"response_metadata": {**answer.response_metadata, _ELAPSED: spent}})


def most_prompt_chars(entry: ModelEntry, max_output_tokens: int, schema: str) -> int:
    """Return how many characters a prompt may have at the very most: beside the answer and the spelled `schema`."""
    room = (entry.context_window - answer_tokens(entry, max_output_tokens)) * CAUTIOUS_CHARS_PER_TOKEN
    return room - len(schema) - _HEADINGS_CHARS


def check_fits(entry: ModelEntry, messages: Sequence[BaseMessage], max_output_tokens: int) -> None:
    """Raise `PromptTooLong` if prompt and answer do not fit into the model's context."""
    needed = most_tokens(messages) + max_output_tokens
    if needed > entry.context_window:
        raise PromptTooLong(
            f"prompt and answer need about {needed} tokens, but {entry.id!r} has a context of {entry.context_window}"
        )


def worst_usage(
    entry: ModelEntry, messages: Sequence[BaseMessage], max_output_tokens: int, *, beside: str = ""
) -> Usage:
    """Return the most that a call can use, with its cost.

    Args:
        entry: the model.
        messages: the prompt.
        max_output_tokens: the requested length of the answer.
        beside: what is sent in addition to the messages: a schema, tools.

    Raises:
        PriceUnknown: the catalogue has no price for the model.
    """
    asked, said = chars_of(messages) + len(beside), max_output_tokens * MAX_CHARS_PER_TOKEN
    tokens = most_tokens([*messages, HumanMessage(beside)])
    units = _billed(entry, (asked, said), (tokens, max_output_tokens), entry.longest_ms)
    return Usage(
        calls=1,
        input_chars=asked,
        output_chars=said,
        input_tokens=tokens,
        output_tokens=max_output_tokens,
        cost_micro_usd=entry.cost(*units),
    )


def input_usage(entry: ModelEntry, texts: Sequence[str]) -> Usage:
    """Return the usage of a call that generates no text: embeddings, reranking, guardrails.

    Raises:
        PriceUnknown: the catalogue has no price for the model.
    """
    chars, tokens = sum(map(len, texts)), _most_tokens("".join(texts))
    units = chars if entry.unit == "characters" else tokens
    return Usage(calls=1, input_chars=chars, input_tokens=tokens, cost_micro_usd=entry.cost(units, 0))


def rerank_usage(entry: ModelEntry, query: str, documents: Sequence[str]) -> Usage:
    """Return the usage of a rerank call, by search units if the model is billed by them.

    Raises:
        PriceUnknown: the catalogue has no price for the model.
    """
    used = input_usage(entry, [query, *documents])
    if entry.unit != "searches":
        return used
    return used.model_copy(update={"cost_micro_usd": entry.cost(search_units(query, documents), 0)})


def usage_of_call(entry: ModelEntry, messages: Sequence[BaseMessage], answer: AIMessage) -> Usage:
    """Return the usage that the provider reports, or counts of our own if it reports none.

    The characters of the prompt include what was sent beside the messages, if the answer was `counted`.
    """
    asked = chars_of(messages) + int(answer.response_metadata.get(_BESIDE, 0))
    said = int(
        answer.response_metadata.get("output_chars", len(answer.text))
    )  # counted before a stop sequence cut the text
    reported = answer.usage_metadata
    tokens_in = (reported["input_tokens"] if reported else 0) or _tokens(asked)
    tokens_out = (reported["output_tokens"] if reported else 0) or _tokens(said)
    elapsed = int(answer.response_metadata.get(_ELAPSED, entry.longest_ms))
    units = _billed(entry, (asked, said), (tokens_in, tokens_out), elapsed)
    return Usage(
        calls=1,
        input_chars=asked,
        output_chars=said,
        input_tokens=tokens_in,
        output_tokens=tokens_out,
        cost_micro_usd=entry.cost(*units),
    )


def _billed(
    entry: ModelEntry, characters: tuple[int, int], tokens: tuple[int, int], elapsed_ms: int
) -> tuple[int, int]:
    """Return what `entry` bills of a call, for the prompt and for the answer."""
    return {"characters": characters, "tokens": tokens, "milliseconds": (elapsed_ms, 0)}[entry.unit]


def _tokens(chars: int) -> int:
    return -(-chars // CAUTIOUS_CHARS_PER_TOKEN)
