"""The catalogue: which models there are, and what a call costs in whole micro-dollars."""

from datetime import date

import pytest

from gateway.catalog import Catalog, load_catalog, search_units
from state.errors import BadInput, ModelNotServed, ModelRetired, ModelUnknown, PriceUnknown
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
    "search",
}
TODAY = date(2026, 11, 28)
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
    assert most_tokens([HumanMessage("7" * 900)]) == 900
    assert most_tokens([HumanMessage("a1\u4e2d" * 900)]) == 300 + 900 + 1800


@pytest.mark.parametrize("entry", OCI, ids=lambda entry: entry.id)
def test_an_entry_of_oci_is_whole_and_says_where_its_figures_come_from(entry):
    models, services = {"COHERE", "COHEREV2", "GENERIC", "EMBED", "RERANK"}, {"GUARDRAILS", "AGENTS", "VECTOR_STORES"}
    assert entry.api_format in models | services
    assert set(entry.capabilities) <= CAPABILITIES
    assert set(entry.use_cases) <= USE_CASES
    assert (entry.input_price is None) == (entry.output_price is None)
    assert date(2026, 11, 23) <= date.fromisoformat(entry.date) <= TODAY
    sure = "price list" in entry.source
    honest = "second-hand" if entry.input_price and not sure else ("Oracle" if entry.input_price == 0 else "no price")
    assert honest in entry.source or entry.retired(TODAY)
    assert (entry.unit == "searches") == ("rerank" in entry.capabilities)
    assert entry.surfaces
    assert entry.retirement != "" or entry.retires == ""
    assert not (entry.id.startswith("cohere.") and "tool_choice" in entry.capabilities)
    assert (entry.output_cap > 0) == (not {"embedding", "rerank", "guard", "search"} & set(entry.capabilities))


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
        ("xai.grok-4", (1_000_000, 1_000_000), 30_000_000),
        ("xai.grok-4.3", (200_000, 1_000_000), 2_750_000),
        ("xai.grok-4.3", (200_001, 1_000_000), 5_500_003),
        ("google.gemini-2.5-pro", (200_001, 0), 500_003),
        ("cohere.rerank-v4.0-fast", (1, 0), 2_000),
        ("cohere.rerank-v4.0-pro", (1_000, 0), 2_500_000),
        ("openai.gpt-oss-20b", (1_000_000, 0), 70_000),
        ("ocid1.generativeaiendpoint.oc1.us-chicago-1.amaaaa", (1_000_000, 1_000_000), 0),
    ],
)
def test_a_call_costs_what_its_unit_and_price_say(model, units, cost):
    assert load_catalog(prices={}).get(model).cost(*units) == cost


@pytest.mark.parametrize("model", ["xai.grok-4.6", "cohere.command-r-16k", "xai.grok-4.7"])
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
def test_the_model_of_a_use_case_can_be_called_today(use_case):
    entry = load_catalog(prices={}).for_use_case(use_case, "oci")
    assert entry.provider == "oci"
    assert use_case in entry.use_cases
    assert entry.recommendable(TODAY)
    assert load_catalog(prices={}, today=lambda: TODAY).usable(entry.id) == entry
    assert {"on_demand", "proxied"} & set(entry.modes)


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
        entry.model_copy(update={"input_price": None, "output_price": None}) if "gpt-oss" in entry.id else entry
        for entry in whole.entries
    ]
    for use_cases in ({"general": ["cohere.command-a-03-2025"], "fast": ["openai.gpt-oss-20b"]},
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


PRICES = {
    "google.gemini-2.5-flash": (300_000, 2_500_000),
    "google.gemini-2.5-flash-lite": (100_000, 400_000),
    "xai.grok-3": (5_000_000, 25_000_000),
    "xai.grok-4": (5_000_000, 25_000_000),
    "xai.grok-3-mini": (1_500_000, 5_000_000),
    "xai.grok-3-mini-fast": (1_500_000, 5_000_000),
    "xai.grok-4.3": (1_250_000, 2_500_000),
    "cohere.rerank-v4.0-fast": (2_000_000, 0),
    "cohere.rerank-v4.0-pro": (2_500_000, 0),
    "xai.grok-4-fast": (5_000_000, 25_000_000),
    "xai.grok-code-fast-1": (5_000_000, 25_000_000),
    "cohere.command-r-08-2024": (1_500, 1_500),
    "cohere.embed-v4.0": (1_200, 0),
}


@pytest.mark.parametrize("model", PRICES)
def test_where_sources_differ_the_higher_price_holds(model):
    entry = load_catalog(prices={}).get(model)
    assert (entry.input_price, entry.output_price) == PRICES[model]
    assert entry.input_sku.startswith("B1")
    assert "a public table that carries Oracle's SKUs" in entry.source


@pytest.mark.parametrize("entry", OCI, ids=lambda entry: entry.id)
def test_a_tier_is_dearer_and_a_replacement_can_be_called(entry):
    for tier in entry.tiers:
        assert 0 < tier.above < entry.context_window
        assert tier.input_price >= entry.input_price
        assert tier.output_price >= entry.output_price
    if entry.retired(TODAY):
        assert entry.replacement
    if entry.replacement:
        assert load_catalog(prices={}, today=lambda: TODAY).usable(entry.replacement).recommendable(TODAY)


@pytest.mark.parametrize(
    ("model", "day", "refused"),
    [
        ("cohere.embed-english-v3.0", date(2026, 9, 30), None),
        ("cohere.embed-english-v3.0", date(2026, 10, 1), "`cohere.embed-v4.0`"),
        ("cohere.embed-multilingual-image-v3.0", TODAY, "`cohere.embed-v4.0`"),
        ("meta.llama-3.1-70b-instruct", TODAY, "`openai.gpt-oss-120b`"),
        ("cohere.command-r-plus-08-2024", TODAY, "`cohere.command-a-03-2025`"),
        ("xai.grok-4", TODAY, "`xai.grok-4.3`"),
    ],
)
def test_a_retired_model_is_refused_with_its_replacement_after_its_date(model, day, refused):
    catalog = load_catalog(prices={}, today=lambda: day)
    if refused is None:
        assert catalog.usable(model).id == model
        return
    with pytest.raises(ModelRetired, match="is retired") as caught:
        catalog.usable(model)
    assert f"use {refused} instead" in caught.value.hint
    assert f'[models.declared."{model}"]' in caught.value.hint
    assert isinstance(caught.value, BadInput)


@pytest.mark.parametrize(
    ("model", "region", "surface", "words"),
    [
        ("cohere.command-a-reasoning", "", "native", ("dedicated clusters only", "endpoint")),
        ("cohere.embed-v4.0", "eu-frankfurt-1", "native", ("on demand in eu-frankfurt-1", "us-chicago-1")),
        ("xai.grok-4.20-multi-agent", "", "native", ("does not answer on `native`, only on `responses`", "APIs")),
        ("cohere.command-a-03-2025", "", "responses", ("does not answer on `responses`, only on `native`", "APIs")),
    ],
)
def test_a_model_that_is_served_elsewhere_is_refused_with_where(model, region, surface, words):
    with pytest.raises(ModelNotServed) as caught:
        load_catalog(prices={}, region=region, today=lambda: TODAY).usable(model, surface)
    for word in words:
        assert word in f"{caught.value.message} {caught.value.hint}"


def test_where_nothing_is_known_of_regions_and_apis_nothing_is_refused():
    catalog = load_catalog(prices={}, region="eu-frankfurt-1", today=lambda: TODAY)
    assert catalog.usable("cohere.command-a-03-2025").regions == ()
    assert catalog.usable("xai.grok-4.20-multi-agent", "responses").surfaces == ("responses",)
    assert catalog.usable("ocid1.generativeaiendpoint.oc1.us-chicago-1.amaaaa").modes == ("dedicated",)


def test_a_role_gets_the_general_model_where_the_region_does_not_serve_the_fast_one():
    catalog = load_catalog(prices={}, region="us-phoenix-1", today=lambda: TODAY)
    assert catalog.for_role(Role.RESEARCHER, "oci").id == "cohere.command-a-03-2025"


def test_the_settings_prices_have_no_tiers():
    entry = load_catalog(prices={"xai.grok-4.3": (1, 1)}).get("xai.grok-4.3")
    assert entry.cost(1_000_000, 0) == 1


@pytest.mark.parametrize(
    ("query", "documents", "units"),
    [
        ("q", [], 1),
        ("q", ["a"], 1),
        ("q", ["a"] * 100, 1),
        ("q", ["a"] * 101, 2),
        ("q", ["x" * 1_497] * 100, 1),  # 499 tokens and one of the query
        ("q", ["x" * 1_500] * 100, 2),
        ("q" * 9_000, ["x" * 750] * 100, 1),
    ],
)
def test_a_search_unit_is_a_query_with_a_hundred_chunks_of_documents(query, documents, units):
    assert search_units(query, documents) == units
