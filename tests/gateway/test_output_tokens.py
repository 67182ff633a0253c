"""How long an answer may be, and which model a role gets, where nothing is configured."""

import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from gateway import Gateway
from gateway.catalog import load_catalog
from gateway.metering import wanted_tokens
from settings import load_settings
from state.channels import ResearchContext
from state.values import Role
from tests.gateway.asked import MODEL, Asked

COST = (Path(__file__).resolve().parents[2] / "docs" / "cost.md").read_text("utf-8")
LENGTHS = ("brief", "standard", "deep")


def tokens(gateway, role, **context):
    return gateway.output_tokens(role, ResearchContext(model=MODEL, **context))


def test_a_role_gets_as_many_tokens_as_its_answer_needs(tmp_path):
    gateway = Asked(tmp_path).gateway
    assert {role.value: tokens(gateway, role) for role in Role} == {
        "researcher": 1_024,
        "analyzer": 4_096,
        "writer": 2_048,
        "reviewer": 4_096,
        "judge": 4_096,
    }
    assert [tokens(gateway, Role.WRITER, length=length) for length in LENGTHS] == [1_024, 2_048, 6_144]
    assert {tokens(gateway, Role.ANALYZER, length=length) for length in LENGTHS} == {4_096}


def test_the_documentation_has_the_same_figures():
    entry = load_catalog(prices={}).get("extractive")
    rows = re.findall(r"^\| ([a-z, ]+) \| ([\d, or]+) \| ", COST, re.MULTILINE)
    told = {role: [int(n.replace(",", "")) for n in re.findall(r"\d,\d{3}", figures)]
            for roles, figures in rows for role in roles.split(", ")}  # fmt: skip
    assert set(told) == {role.value for role in Role}
    for role in Role:
        wanted = [wanted_tokens(entry, role, length) for length in LENGTHS]
        assert told[role.value] == list(dict.fromkeys(wanted))


@pytest.mark.parametrize("given", [64, 300, 9_000])
def test_what_the_caller_says_counts_for_every_role(tmp_path, given):
    gateway = Asked(tmp_path).gateway
    assert {tokens(gateway, role, length="deep", max_output_tokens=given) for role in Role} == {given}


def test_the_model_bounds_the_answer(tmp_path):
    gateway = Asked(tmp_path, default="openai:small").gateway

    def of(model, **context):
        return gateway.output_tokens(Role.WRITER, ResearchContext(model=model, length="deep", **context))

    assert of("cohere.command-a-03-2025") == 4_000  # the longest answer of the model
    assert of("openai:small") == 8_192 // 4  # a quarter of its context
    assert of("openai:small", max_output_tokens=100_000) == 8_192 // 2
    assert of("openai.gpt-oss-120b") == 6_144 + 4_096  # it thinks before it answers


def test_the_context_names_no_length_of_its_own():
    assert ResearchContext().max_output_tokens is None
    for wrong in (63, 131_073, "100", True, 1.5):
        with pytest.raises(ValidationError):
            ResearchContext(max_output_tokens=wrong)


def oci_gateway(home, **models):
    settings = load_settings(home=home, models={"provider": "oci", **models}, oci={"compartment_id": "c"})
    return Gateway(settings, ledger=None, embeddings=None, governor=object())


def test_on_oci_the_researcher_gets_the_fast_model_unless_a_choice_was_made(tmp_path):
    gateway = oci_gateway(tmp_path)
    chosen = {role.value: gateway.model_id(role, ResearchContext()) for role in Role}
    assert chosen.pop("researcher") == "openai.gpt-oss-20b"
    assert set(chosen.values()) == {"cohere.command-a-03-2025"}
    for models, context in (
        ({"default": "xai.grok-4.3"}, {}),
        ({"roles": {"researcher": "xai.grok-4.3"}}, {}),
        ({}, {"model": "xai.grok-4.3"}),
        ({}, {"models": {"researcher": "xai.grok-4.3"}}),
    ):
        gateway = oci_gateway(tmp_path, **models)
        assert gateway.model_id(Role.RESEARCHER, ResearchContext(**context)) == "xai.grok-4.3"


def test_without_oci_every_role_is_extractive(tmp_path):
    gateway = Asked(tmp_path).gateway
    assert {gateway.model_id(role, ResearchContext()) for role in Role} == {"extractive"}
