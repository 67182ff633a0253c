"""`python -m gateway.catalog refresh`: Oracle's price list beside the catalogue.

`price-list.json` is made by hand in the shape of the public list; its prices are not Oracle's.
"""

import json
import tomllib
from decimal import Decimal
from pathlib import Path

import pytest

from gateway.catalog import ModelEntry
from gateway.catalog.__main__ import main
from gateway.catalog.price_list import ListedPrice, read_price_list
from state.errors import BadInput

FIXTURE = Path(__file__).with_name("price-list.json")
PACKAGED = Path(__file__).resolve().parents[3] / "gateway" / "catalog" / "models.toml"
LINES = [
    "cohere.command-r-08-2024: input price (B108078): lower: 0.0009 USD in the list, 0.0015 here; kept",
    "cohere.command-r-08-2024: output price (B108078): lower: 0.0009 USD in the list, 0.0015 here; kept",
    "xai.grok-4: input price (B111438): lower: 4.5 USD in the list, 5 here; kept",
    "xai.grok-4.3: output price (B112082): higher: 3 USD in the list, 2.5 here",
    "xai.grok-4.3: input price of tier 1 (B112083): higher: 2.75 USD in the list, 2.5 here",
    "xai.grok-3: input price (B111438): lower: 4.5 USD in the list, 5 here; kept",
    "cohere.embed-v4.0: input price (B108079): lower: 0.001 USD in the list, 0.0012 here; kept",
    "cohere.rerank-v4.0-pro: input price (B112423): the list has it in another unit; kept",
    "xai.grok-4.7: input price (B112900): first price: 2 USD in the list, unknown here",
    "xai.grok-4.7: output price (B112901): first price: 6.000001 USD in the list, unknown here",
    "acme.large-9: input price (B113000): new model: 0.123456 USD in the list, unknown here",
    "acme.large-9: output price (B113001): new model: 1 USD in the list, unknown here",
    "acme.half-1: input price (B113003): new model: 1 USD in the list, unknown here",
    "13 differences from Oracle's price list of 2026-11-20, 6 kept as here",
]


@pytest.fixture
def catalogue(tmp_path):
    path = tmp_path / "models.toml"
    path.write_text(PACKAGED.read_text(encoding="utf-8"), encoding="utf-8")
    return path


def entries(path):
    return {entry["id"]: ModelEntry.model_validate(entry) for entry in tomllib.loads(path.read_text())["model"]}


def refresh(catalogue, *options, file=FIXTURE):
    return main(["refresh", str(file), "--catalogue", str(catalogue), *options])


def test_the_difference_is_shown_and_nothing_is_written_unasked(catalogue, capsys):
    assert refresh(catalogue) == 0
    assert capsys.readouterr().out.splitlines() == LINES
    assert catalogue.read_bytes() == PACKAGED.read_bytes()


def test_what_is_written_is_higher_or_new_and_never_lower(catalogue, capsys):
    before = entries(catalogue)
    assert refresh(catalogue, "--write") == 0
    after = entries(catalogue)
    grok = after["xai.grok-4.3"]
    assert (grok.input_price, grok.output_price) == (1_250_000, 3_000_000)
    assert (grok.tiers[0].input_price, grok.tiers[0].output_price) == (2_750_000, 5_000_000)
    assert grok.source.startswith("Oracle's public price list of 2026-11-20; before that: second-hand: 1.25 and 2.50")
    assert grok.date == "2026-11-20"
    known = after["xai.grok-4.7"]
    assert (known.input_price, known.output_price, known.input_sku) == (2_000_000, 6_000_001, "B112900")
    made = after["acme.large-9"]
    assert (made.input_price, made.output_price, made.output_sku) == (123_456, 1_000_000, "B113001")
    assert (made.provider, made.api_format, made.output_cap) == ("oci", "GENERIC", 4_000)
    assert "acme.half-1" not in after  # without a price of its answers it could not be called
    changed = {"xai.grok-4.3", "xai.grok-4.7"}
    assert {name: entry for name, entry in after.items() if name not in {*changed, "acme.large-9"}} == {
        name: entry for name, entry in before.items() if name not in changed
    }
    assert catalogue.read_text().count("# ") == PACKAGED.read_text().count("# ")  # every comment is still there
    capsys.readouterr()
    refresh(catalogue)
    assert capsys.readouterr().out.splitlines()[-1].startswith("7 differences")  # what was kept, and the half of one


def test_a_lower_price_is_written_if_that_was_asked_for(catalogue):
    refresh(catalogue, "--write", "--allow-lower")
    after = entries(catalogue)
    assert after["xai.grok-4"].input_price == after["xai.grok-3"].input_price == 4_500_000
    assert after["cohere.command-r-08-2024"].input_price == 900
    assert after["cohere.rerank-v4.0-pro"].input_price == 2_500_000  # in another unit: never
    refresh(catalogue, "--write", "--allow-lower")
    assert after["xai.grok-4"].source.count("Oracle's public price list of 2026-11-20") == 1
    assert entries(catalogue) == after


@pytest.mark.parametrize(
    ("usd", "count", "size", "price"),
    [("1.25", 1_000_000, 1_000_000, 1_250_000), ("0.0000001", 1, 10_000, 1_000), ("0.00000001", 1_000, 1, 1)],
)
def test_a_price_is_exact_and_rounded_up(usd, count, size, price):
    listed = ListedPrice(sku="B", name="n", metric="m", usd=Decimal(usd), count=count, unit="tokens")
    assert listed.micro_usd(size) == price


def broken(change):
    products = json.loads(FIXTURE.read_text())
    change(products)
    return json.dumps(products)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<html>", "is not Oracle's price list"),
        ("[]", "is not Oracle's price list"),
        ("{}", "is not Oracle's price list"),
        ('{"items": []}', "no price in USD"),
        (broken(lambda products: products["items"][0].pop("partNumber")), "is not Oracle's price list"),
        (
            broken(lambda products: products["items"][0]["currencyCodeLocalizations"][0]["prices"][0].update(value=-1)),
            "is not",
        ),
        ('{"items": [{"partNumber": "B", "displayName": "x", "currencyCodeLocalizations": NaN}]}', "is not Oracle's"),
        ("[" * 100_000, "is not Oracle's price list"),
        (None, "cannot be read"),
    ],
)
def test_what_is_no_price_list_is_an_error_with_the_remedy(catalogue, tmp_path, capsys, text, words):
    file = tmp_path / "list.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(BadInput, match=words):
        read_price_list(file)
    assert refresh(catalogue, "--write", file=file) == 2
    assert "apexapps.oracle.com" in capsys.readouterr().err
    assert catalogue.read_bytes() == PACKAGED.read_bytes()


@pytest.mark.parametrize(("usd", "said"), [(2, "higher: 2 USD in the list, 1.25 here"), (1, "lower: 1 USD")])
def test_a_price_of_a_model_that_has_no_sku_here_is_compared_by_its_name(catalogue, tmp_path, capsys, usd, said):
    local = {"currencyCode": "USD", "prices": [{"model": "PAY_AS_YOU_GO", "value": usd}]}
    product = {
        "partNumber": "B119999",
        "displayName": "OCI Generative AI - OpenAI - GPT-5 - Input Tokens",
        "metricName": "1,000,000 Tokens",
        "currencyCodeLocalizations": [local],
    }
    file = tmp_path / "list.json"
    file.write_text(json.dumps({"items": [product]}))
    assert refresh(catalogue, "--write", file=file) == 0
    assert f"openai.gpt-5: input price (B119999): {said}" in capsys.readouterr().out
    assert entries(catalogue)["openai.gpt-5"].input_price == max(usd * 1_000_000, 1_250_000)
