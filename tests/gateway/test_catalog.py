"""The catalogue: which models there are, and what a call costs in whole micro-dollars."""

import pytest

from gateway.catalog import Catalog, load_catalog
from state.errors import BadInput, ModelUnknown, PriceUnknown
from state.values import Role

USE_CASES = {"general", "code", "reasoning", "fast", "embedding", "rerank"}
CAPABILITIES = {
    "structured",
    "tools",
    "tool_choice",
    "vision",
    "reasoning",
    "stream",
    "embedding",
    "rerank",
    "guard",
    "deprecated",
}
OCI = [entry for entry in load_catalog(prices={}).entries if entry.provider == "oci"]


def catalog(**prices):
    return load_catalog(
        prices={name.replace("_", ":"): price for name, price in prices.items()}, extra=["scripted:one"]
    )


@pytest.mark.parametrize(
    ("wrong", "nearest"),
    [
        ("extractiv", "`extractive`"),
        ("opnai:gpt", "`openai:NAME`"),
        ("scripted:on", "`scripted:one`"),
        ("cohere.command-r-plus-08-2025", "`cohere.command-r-plus-08-2024`"),
        ("llama-3.3-70b-instruct", "`meta.llama-3.3-70b-instruct`"),
        ("zzz", "`"),
    ],
)
def test_an_unknown_model_is_an_error_that_names_the_nearest(wrong, nearest):
    with pytest.raises(ModelUnknown) as caught:
        catalog().get(wrong)
    assert nearest in caught.value.hint
    assert "sixplane models" in caught.value.hint


@pytest.mark.parametrize("unfinished", ["openai:", "openai:*", "ocid1.generativeaiendpoint.", "*", ""])
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


@pytest.mark.parametrize("entry", OCI, ids=lambda entry: entry.id)
def test_an_entry_of_oci_is_whole_and_says_where_its_figures_come_from(entry):
    assert entry.api_format in {"COHERE", "COHEREV2", "GENERIC", "EMBED", "RERANK", "GUARDRAILS"}
    assert set(entry.capabilities) <= CAPABILITIES
    assert set(entry.use_cases) <= USE_CASES
    assert (entry.input_price is None) == (entry.output_price is None)
    assert entry.date == "2026-11-23"
    honest = "second-hand" if entry.input_price else ("Oracle" if entry.input_price == 0 else "no price")
    assert honest in entry.source or "deprecated" in entry.capabilities
    assert not (entry.id.startswith("cohere.") and "tool_choice" in entry.capabilities)
    assert (entry.output_cap > 0) == (not {"embedding", "rerank", "guard"} & set(entry.capabilities))


def test_no_id_is_listed_twice_and_no_pattern_hides_an_entry():
    ids = [entry.id for entry in load_catalog(prices={}).entries]
    assert len(ids) == len(set(ids))
    assert all(
        load_catalog(prices={}).get(name).source == entry.source
        for entry in OCI
        for name in [entry.id]
        if "*" not in name
    )


@pytest.mark.parametrize(
    ("model", "units", "cost"),
    [
        ("cohere.command-r-plus-08-2024", (10_000, 5_000), 23_400),
        ("meta.llama-3.3-70b-instruct", (10_000, 0), 1_800),
        ("meta.llama-3.3-70b-instruct", (220, 2_205), 437),
        ("meta.llama-3.1-405b-instruct", (10_000, 10_000), 53_400),
        ("cohere.embed-v4.0", (10_000, 0), 1_200),
        ("xai.grok-4", (1_000_000, 1_000_000), 18_000_000),
        ("openai.gpt-oss-20b", (1_000_000, 0), 70_000),
        ("ocid1.generativeaiendpoint.oc1.us-chicago-1.amaaaa", (1_000_000, 1_000_000), 0),
    ],
)
def test_a_call_costs_what_its_unit_and_price_say(model, units, cost):
    assert load_catalog(prices={}).get(model).cost(*units) == cost


@pytest.mark.parametrize("model", ["cohere.rerank-v4.0-fast", "cohere.command-r-16k", "xai.grok-4.3"])
def test_a_model_without_a_price_is_refused_until_the_settings_name_one(model):
    with pytest.raises(PriceUnknown) as caught:
        load_catalog(prices={}).get(model).cost(0, 0)
    assert isinstance(caught.value, BadInput)
    assert caught.value.code == "price_unknown"
    assert model in caught.value.message
    assert "[models.prices_micro_usd]" in caught.value.hint
    priced = load_catalog(prices={model: (2_000, 0)}).get(model)
    assert priced.cost(priced.unit_size, priced.unit_size) == 2_000


@pytest.mark.parametrize("use_case", sorted(USE_CASES))
def test_the_model_of_a_use_case_is_for_it_current_and_priced_where_one_is(use_case):
    entry = load_catalog(prices={}).for_use_case(use_case, "oci")
    assert entry.provider == "oci"
    assert use_case in entry.use_cases
    assert "deprecated" not in entry.capabilities
    priced = [each for each in OCI if use_case in each.use_cases and each.input_price is not None]
    assert (entry.input_price is not None) == bool(priced)


def test_a_use_case_is_answered_by_the_provider_that_is_asked_for():
    assert load_catalog(prices={}).for_use_case("general", "extractive").id == "extractive"
    for use_case, provider in (("general", "openai"), ("rerank", "extractive"), ("poetry", "oci")):
        with pytest.raises(ModelUnknown, match="general"):
            load_catalog(prices={}).for_use_case(use_case, provider)


def test_a_role_that_needs_less_gets_the_fast_model():
    catalog = load_catalog(prices={})
    fast, general = (catalog.for_use_case(use_case, "oci").id for use_case in ("fast", "general"))
    assert {role: catalog.for_role(role, "oci").id for role in Role} == {
        **dict.fromkeys(Role, general),
        Role.RESEARCHER: fast,
    }
    assert fast != general


def test_a_role_gets_the_general_model_where_the_fast_one_has_no_price_or_does_not_exist():
    whole = load_catalog(prices={})
    unpriced = [
        entry.model_copy(update={"input_price": None, "output_price": None}) if "llama" in entry.id else entry
        for entry in whole.entries
    ]
    for use_cases in ({"general": ["cohere.command-a-03-2025"], "fast": ["meta.llama-3.3-70b-instruct"]},
                      {"general": ["cohere.command-a-03-2025"]}):  # fmt: skip
        catalog = Catalog(unpriced, prices={}, use_cases=use_cases)
        assert catalog.for_role(Role.RESEARCHER, "oci").id == "cohere.command-a-03-2025"
    with pytest.raises(ModelUnknown):
        Catalog(unpriced, prices={}).for_role(Role.WRITER, "oci")


def test_the_list_shows_the_prices_of_the_settings():
    listed = {
        entry.id: entry
        for entry in load_catalog(prices={"openai:small": (1, 2), "cohere.command-a-03-2025": (3, 4)}).listed()
    }
    assert (listed["openai:small"].input_price, listed["openai:small"].output_price) == (1, 2)
    assert listed["cohere.command-a-03-2025"].output_price == 4
    assert listed["openai:*"].input_price == 0
