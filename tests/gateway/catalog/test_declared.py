"""Models that the settings declare: aliases, OCIDs, and whatever else a tenancy has."""

from datetime import date

import pytest
from pydantic import ValidationError

from gateway.catalog import load_catalog
from settings import load_settings
from settings.declared import DeclaredModel
from state.errors import SettingsInvalid

TODAY = date(2026, 11, 28)
MODEL_OCID = "ocid1.generativeaimodel.oc1.us-chicago-1.amaaaa"
ENDPOINT = "ocid1.generativeaiendpoint.oc1.us-chicago-1.amaaaa"


def declared(model_id, **said):
    models = {model_id: DeclaredModel.model_validate(said)}
    return load_catalog(prices={}, declared=models, today=lambda: TODAY)


@pytest.mark.parametrize("model_id", [MODEL_OCID, ENDPOINT, "cohere.command-latest", "acme.anything-1"])
def test_any_id_can_be_declared_with_a_price(model_id):
    entry = declared(model_id, price_micro_usd=(2_000_000, 4_000_000)).usable(model_id)
    assert (entry.provider, entry.api_format, entry.unit) == ("oci", "GENERIC", "tokens")
    assert (entry.context_window, entry.output_cap) == (8_192, 4_000)
    assert entry.cost(1_000_000, 1_000_000) == 6_000_000
    assert entry.source == "declared in the settings"
    assert entry.chats


def test_a_declared_model_is_like_another_but_for_what_it_says():
    catalog = declared(
        "cohere.command-latest", like="cohere.command-a-03-2025", price_micro_usd=(1, 2), output_tokens=99
    )
    entry = catalog.usable("cohere.command-latest")
    like = catalog.get("cohere.command-a-03-2025")
    assert (entry.api_format, entry.unit, entry.context_window) == ("COHERE", "characters", 256_000)
    assert (entry.output_cap, entry.input_price, entry.output_price) == (99, 1, 2)
    assert (entry.capabilities, entry.surfaces) == (like.capabilities, like.surfaces)


def test_a_declaration_goes_before_what_the_catalogue_knows_of_retirement_and_region():
    model_id = "cohere.command-r-plus-08-2024"
    catalog = declared(model_id, like=model_id, price_micro_usd=(15_600, 15_600))
    assert catalog.usable(model_id).retires == ""
    assert [entry.id for entry in catalog.listed()].count(model_id) == 1


@pytest.mark.parametrize(
    ("use", "api_format", "capability"), [("embedding", "EMBED", "embedding"), ("rerank", "RERANK", "rerank")]
)
def test_a_declared_model_can_embed_or_rerank(use, api_format, capability):
    unit = "searches" if use == "rerank" else "characters"
    entry = declared(MODEL_OCID, price_micro_usd=(1_000, 0), use=use, unit=unit).usable(MODEL_OCID)
    assert (entry.api_format, entry.output_cap, entry.unit) == (api_format, 0, unit)
    assert entry.capabilities == (capability,)


def test_a_model_that_is_like_none_is_an_error():
    with pytest.raises(SettingsInvalid, match="like 'nothing'"):
        declared("mine", like="nothing", price_micro_usd=(0, 0))


@pytest.mark.parametrize("said", [{}, {"use": "embedding"}, {"like": "openai.gpt-oss-20b"}])
def test_only_a_reranker_is_billed_by_searches(said):
    with pytest.raises(SettingsInvalid, match="only rerankers are") as caught:
        declared("acme.anything-1", price_micro_usd=(1, 1), unit="searches", **said)
    assert "`use` to `rerank`" in caught.value.hint


@pytest.mark.parametrize(
    "wrong",
    [{}, {"price_micro_usd": (-1, 0)}, {"price_micro_usd": (1.5, 0)}, {"price_micro_usd": (0, 0), "surfaces": ("x",)}],
)
def test_a_declaration_without_a_usable_price_is_refused(wrong):
    with pytest.raises(ValidationError):
        DeclaredModel.model_validate(wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        {"models": {"prices_micro_usd": {"openai.gpt-oss-20b": (-5_000_000, 0)}}},
        {"oci": {"deployments": {"a": {"endpoint": "https://a.invalid", "token_prices_micro_usd": (0, -1)}}}},
    ],
)
def test_no_price_is_below_zero(wrong, tmp_path):
    with pytest.raises(SettingsInvalid, match="must be at least 0"):
        load_settings(home=tmp_path, **wrong)
