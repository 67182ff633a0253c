"""The catalogue: which models there are, and what a call costs in whole micro-dollars."""

import pytest

from gateway.catalog import load_catalog
from state.errors import ModelUnknown


def catalog(**prices):
    return load_catalog(
        prices={name.replace("_", ":"): price for name, price in prices.items()}, extra=["scripted:one"]
    )


@pytest.mark.parametrize(
    ("wrong", "nearest"),
    [("extractiv", "`extractive`"), ("opnai:gpt", "`openai:NAME`"), ("scripted:on", "`scripted:one`"), ("zzz", "`")],
)
def test_an_unknown_model_is_an_error_that_names_the_nearest(wrong, nearest):
    with pytest.raises(ModelUnknown) as caught:
        catalog().get(wrong)
    assert nearest in caught.value.hint
    assert "sixplane models" in caught.value.hint


@pytest.mark.parametrize("unfinished", ["openai:", "openai:*", "*", ""])
def test_a_pattern_is_no_model(unfinished):
    with pytest.raises(ModelUnknown):
        catalog().get(unfinished)


def test_an_entry_bears_the_name_that_was_asked_for():
    assert catalog().get("openai:qwen3:4b").id == "openai:qwen3:4b"
    assert catalog().get("openai:qwen3:4b").provider == "openai"
    assert catalog().get("scripted:one").id == "scripted:one"


def test_a_configured_price_goes_before_the_catalogue():
    priced = catalog(openai_small=(150_000, 600_000))
    assert priced.get("openai:small").cost(1_000_000, 1_000_000) == 750_000
    assert priced.get("openai:other").cost(1_000_000, 1_000_000) == 0


@pytest.mark.parametrize(
    ("unit", "units", "cost"),
    [
        ("tokens", (0, 0), 0),
        ("tokens", (1, 0), 1),
        ("tokens", (1_000_000, 0), 150_000),
        ("tokens", (1_000_001, 0), 150_001),
        ("characters", (10_000, 0), 150_000),
        ("characters", (1, 1), 75),
    ],
)
def test_a_cost_is_a_whole_number_rounded_up(unit, units, cost):
    entry = catalog(openai_small=(150_000, 600_000)).get("openai:small").model_copy(update={"unit": unit})
    assert entry.cost(*units) == cost
    assert isinstance(entry.cost(*units), int)


def test_large_calls_lose_nothing_to_floating_point():
    entry = catalog(openai_small=(999_999_999_999_999, 1)).get("openai:small")
    assert entry.cost(1_000_000_000_000_001, 1) == -(-(999_999_999_999_999 * 1_000_000_000_000_001 + 1) // 1_000_000)


def test_a_prompt_in_another_script_is_not_counted_like_english() -> None:
    from langchain_core.messages import HumanMessage

    from gateway.metering import most_tokens

    assert most_tokens([HumanMessage("a" * 900)]) == 300
    assert most_tokens([HumanMessage("\u4e2d" * 900)]) == 1800
