"""What a tenancy knows otherwise than the catalogue: a line for each model."""

from datetime import UTC, date, datetime

import pytest

from gateway.catalog import load_catalog
from gateway.catalog.reconcile import TenancyModel, reconciled
from settings.declared import DeclaredModel

TODAY = date(2026, 11, 28)
CATALOG = load_catalog(prices={}, region="us-chicago-1", today=lambda: TODAY)
WHOLE = [
    TenancyModel(name=entry.id, regions=("us-chicago-1",))
    for entry in CATALOG.entries
    if entry.provider == "oci" and "*" not in entry.id
]


def found(*changed, without=()):
    names = {model.name for model in changed} | set(without)
    return reconciled(CATALOG, [*(model for model in WHOLE if model.name not in names), *changed])


def day(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_a_tenancy_that_has_what_the_catalogue_says_gives_no_line():
    assert found() == []


@pytest.mark.parametrize(
    ("model", "kind", "words"),
    [
        (TenancyModel(name="cohere.command-a-03-2025", retires=day("2026-11-27")), "retired", "on 2026-11-27"),
        (TenancyModel(name="openai.gpt-5", retires=day("2027-01-01")), "retires", "on 2027-01-01"),
        (
            TenancyModel(name="openai.gpt-5", retires=day("2026-01-01"), replacements=("openai.gpt-6",)),
            "retired",
            "use openai.gpt-6 instead",
        ),
        (
            TenancyModel(name="meta.llama-3.3-70b-instruct", retires=day("2026-01-01")),
            "retired",
            "use openai.gpt-oss-20b instead",
        ),
        (TenancyModel(name="xai.grok-4.3", here=False, regions=("us-ashburn-1",)), "elsewhere", "but in us-ashburn-1"),
        (TenancyModel(name="acme.old-1", created=day("2026-01-01")), "unknown", "[models.declared]"),
        (TenancyModel(name="acme.undated-1"), "unknown", "the catalogue does not have it"),
        (TenancyModel(name="acme.new-2", created=day("2026-12-24")), "new", "released on 2026-12-24"),
        (TenancyModel(name="ocid1.generativeaimodel.x", custom=True), "unknown", "a model of your own"),
    ],
)
def test_a_difference_is_a_line_with_what_to_do(model, kind, words):
    (finding,) = found(model)
    assert (finding.kind, finding.model) == (kind, model.name)
    assert words in finding.detail


def test_what_the_tenancy_lists_nowhere_is_missing_unless_it_is_known_to_be_retired():
    (finding,) = found(without=["meta.llama-3.3-70b-instruct", "cohere.embed-english-v3.0"])
    assert (finding.kind, finding.model) == ("missing", "meta.llama-3.3-70b-instruct")
    assert "use openai.gpt-oss-20b instead" in finding.detail


def test_a_declared_endpoint_is_not_missing_for_a_tenancy_lists_models():
    price = DeclaredModel(price_micro_usd=(0, 0))
    declared = {"ocid1.generativeaiendpoint.oc1..a": price, "ocid1.generativeaimodel.oc1..a": price}
    catalog = load_catalog(prices={}, declared=declared, region="us-chicago-1", today=lambda: TODAY)
    assert [each.model for each in reconciled(catalog, WHOLE)] == ["ocid1.generativeaimodel.oc1..a"]


def test_a_retirement_that_the_catalogue_knows_is_no_line():
    assert found(TenancyModel(name="cohere.embed-english-v3.0", retires=day("2026-09-30"))) == []


def test_lines_are_in_the_order_of_the_models():
    models = (TenancyModel(name="acme.z"), TenancyModel(name="acme.a", retires=day("2026-01-01")))
    assert [(each.model, each.kind) for each in found(*models)] == [
        ("acme.a", "retired"),
        ("acme.a", "unknown"),
        ("acme.z", "unknown"),
    ]
