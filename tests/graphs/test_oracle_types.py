"""Values come back from Oracle Database exactly as they went in: JSON by the driver's own codec, the rest packed."""

from __future__ import annotations

import asyncio
import enum
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from graphs.persistence.oracle_checkpoints import OracleCheckpointer, open_oracle_checkpointer
from graphs.persistence.oracle_json import is_exact_json
from graphs.persistence.oracle_packing import PACKED
from graphs.persistence.oracle_store import PACKED as PACKED_TEXT
from graphs.persistence.oracle_store import open_oracle_store
from state.values import Scores, Status
from tests.doubles.oracle import RecordingPool
from tests.doubles.oracle.filled import LATEST, TYPES, filled, put
from tests.doubles.oracle.oson import through_oson
from tests.doubles.oracle.persistence import (
    StoreRows,
)
from tests.graphs.test_oracle_checkpoints import same

SERDE = JsonPlusSerializer(allowed_msgpack_modules=TYPES)


class Foreign(enum.Enum):
    """A type that no channel holds."""

    RED = "red"


PLAIN = st.none() | st.booleans() | st.integers() | st.text(max_size=8)
ODD = st.floats() | st.decimals(allow_nan=False) | st.binary(max_size=4) | st.sampled_from([Status.ANSWERED, 10**38])
VALUES = st.recursive(
    PLAIN | ODD,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=5) | st.integers(), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(VALUES)
def test_what_stays_inline_survives_the_driver_s_codec_exactly(value: Any) -> None:
    if is_exact_json(value):
        assert same(OracleCheckpointer._coerce_decimals(through_oson(value)), value)


@pytest.mark.parametrize("key", ["k" * 256, "ü" * 128])
def test_a_name_too_long_for_a_field_is_not_inline(key: str) -> None:
    assert not is_exact_json({key: 1})
    assert is_exact_json({key[:-1]: 1})


@given(VALUES)
def test_channels_and_metadata_come_back_as_from_the_serialiser(value: Any) -> None:
    assume(widest(value) < 2**63)  # of more, the serialiser takes nothing, whatever the database
    expected = SERDE.loads_typed(SERDE.dumps_typed(value))
    found = asyncio.run(there_and_back(value))
    assert same(found.checkpoint["channel_values"]["a"], expected)
    assert same(found.metadata["of_caller"], expected)


def widest(value: Any) -> int:
    """Return the largest magnitude of an integer in `value`."""
    if isinstance(value, dict):
        return max(map(widest, [*value, *value.values()]), default=0)
    if isinstance(value, list | tuple):
        return max(map(widest, value), default=0)
    return abs(value) if isinstance(value, int) else 0


async def there_and_back(value: Any) -> Any:
    async with open_oracle_checkpointer(filled(), TYPES) as saver:
        await put(saver, {"a": value, "b": [Scores(fused=1.0)]}, of_caller=value)
        return await saver.aget_tuple(LATEST)


@pytest.mark.parametrize("value", [2.0, -0.0, float("nan"), float("inf"), 1e300, 7, True, "text"], ids=repr)
async def test_metadata_of_the_config_comes_back_too(pool: RecordingPool, value: Any) -> None:
    """LangGraph adds it to the checkpoint's own inside of upstream's `aput`."""
    async with open_oracle_checkpointer(pool, TYPES) as saver:
        await put(saver, {"a": 1}, config={"metadata": {"of_config": value}})
        found = await saver.aget_tuple(LATEST)
    assert same(found.metadata["of_config"], value)  # type: ignore[typeddict-item, union-attr]


async def test_metadata_that_looks_packed_comes_back(pool: RecordingPool) -> None:
    async with open_oracle_checkpointer(pool, TYPES) as saver:
        await put(saver, {"a": 1}, custom={PACKED: "mine"})
        found = await saver.aget_tuple(LATEST)
    assert found is not None
    assert found.metadata["custom"] == {PACKED: "mine"}  # type: ignore[typeddict-item]


async def test_only_types_that_channels_hold_are_made_again(pool: RecordingPool) -> None:
    async with open_oracle_checkpointer(pool, TYPES) as saver:
        await put(saver, {"ours": Scores(fused=1.0), "foreign": Foreign.RED})
        found = await saver.aget_tuple(LATEST)
    assert found is not None
    assert found.checkpoint["channel_values"]["ours"] == Scores(fused=1.0)
    assert not isinstance(found.checkpoint["channel_values"]["foreign"], Foreign)


JSON_VALUES = st.dictionaries(
    st.text(max_size=5),
    st.recursive(PLAIN | st.floats(allow_nan=False), lambda i: st.lists(i, max_size=3) | st.dictionaries(st.text(), i)),
    max_size=3,
)


@given(JSON_VALUES)
def test_a_stored_value_comes_back_exactly_and_never_as_decimal(value: dict[str, Any]) -> None:
    async def there_and_back() -> Any:
        async with open_oracle_store(filled()) as store:
            await store.aput(("a",), "k", value)
            return await store.aget(("a",), "k")

    found = asyncio.run(there_and_back())
    assert same(found.value, value)


async def test_a_fraction_that_upstream_stored_stays_one(pool: RecordingPool) -> None:
    rows = StoreRows(pool)
    rows.items["a", "k"] = {"half": Decimal("2.5"), "two": Decimal(2)}
    async with open_oracle_store(pool) as store:
        found = await store.aget(("a",), "k")
    assert found is not None
    assert repr(found.value) == "{'half': 2.5, 'two': 2}"


async def test_a_stored_value_that_looks_packed_comes_back(pool: RecordingPool) -> None:
    async with open_oracle_store(pool) as store:
        await store.aput(("a",), "k", {PACKED_TEXT: 7, "b": 1})
        found = await store.aget(("a",), "k")
    assert found is not None
    assert found.value == {PACKED_TEXT: 7, "b": 1}
