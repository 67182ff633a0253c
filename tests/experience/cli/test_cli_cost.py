"""`sixplane cost` and `sixplane models`: the figures, their unit, and where they come from."""

import json
import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from experience.cli.app import app
from state.money import dollars

DOCS = Path(__file__).resolve().parents[3] / "docs" / "cost.md"
EXAMPLES = re.findall(r"^\$ sixplane (.*)\n((?:[^$`].*\n)+)", DOCS.read_text(encoding="utf-8"), re.MULTILINE)
COMMAND_R_PLUS = "cohere.command-r-plus-08-2024"


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(app, list(arguments), env={"SIXPLANE_HOME": str(tmp_path)})


def test_characters_cost_by_the_ten_thousand(run):
    result = run("cost", COMMAND_R_PLUS, "--input-chars", "10000", "--output-chars", "5000")
    assert result.exit_code == 0
    assert result.stdout.startswith("0.0234 USD\n")
    assert "price: 0.0156 USD in and 0.0156 USD out, per 10,000 characters" in result.stdout
    assert "second-hand" in result.stdout
    assert "2026-11-28" in result.stdout
    assert "estimate" not in result.stdout


def test_the_same_as_json(run):
    result = run("cost", COMMAND_R_PLUS, "--input-chars", "10000", "--output-chars", "5000", "--json")
    bill = json.loads(result.stdout)
    assert (bill["cost_micro_usd"], bill["cost_usd"]) == (23_400, "0.0234")
    assert (bill["unit"], bill["unit_size"]) == ("characters", 10_000)
    assert (bill["input_price_micro_usd"], bill["output_price_micro_usd"]) == (15_600, 15_600)
    assert bill["estimated"] is False
    assert bill["date"] == "2026-11-28"


def test_llama_3_3_costs_its_list_price(run):
    bill = json.loads(run("cost", "meta.llama-3.3-70b-instruct", "--input-chars", "10000", "--json").stdout)
    assert bill["cost_micro_usd"] == 1_800
    assert bill["cost_usd"] == "0.0018"


def test_tokens_are_an_estimate_and_called_one(run):
    arguments = ("cost", "xai.grok-4", "--input-chars", "4000", "--output-chars", "401")
    bill = json.loads(run(*arguments, "--json").stdout)
    assert (bill["input_units"], bill["output_units"]) == (1_000, 101)
    assert bill["cost_micro_usd"] == 5_000 + 2_525
    assert bill["estimated"] is True
    assert "an estimate" in bill["note"]
    assert "an estimate" in run(*arguments).stdout


def test_a_cluster_of_your_own_costs_nothing_by_the_call(run):
    result = run("cost", "ocid1.generativeaiendpoint.oc1.us-chicago-1.amaaaa", "--input-chars", "10000")
    assert result.stdout.startswith("0 USD")
    assert "unit-hours" in result.stdout


def test_the_settings_name_the_price(run, tmp_path):
    (tmp_path / "sixplane.toml").write_text('[models.prices_micro_usd]\n"cohere.embed-v4.0" = [2000, 0]\n')
    bill = json.loads(run("cost", "cohere.embed-v4.0", "--input-chars", "20000", "--json").stdout)
    assert bill["cost_micro_usd"] == 4_000


def test_the_settings_declare_a_model(run, tmp_path):
    (tmp_path / "sixplane.toml").write_text(
        '[models.declared."cohere.command-latest"]\nlike = "cohere.command-a-03-2025"\nprice_micro_usd = [1000, 2000]\n'
    )
    bill = json.loads(run("cost", "cohere.command-latest", "--input-chars", "20000", "--json").stdout)
    assert (bill["cost_micro_usd"], bill["unit"]) == (2_000, "characters")
    (row,) = [line for line in run("models").stdout.splitlines() if line.startswith("cohere.command-latest\t")]
    assert row.split("\t") == ["cohere.command-latest", "", "", "0.001", "0.002", "10k chars"]


def test_reranking_costs_by_the_search_unit(run):
    result = run("cost", "cohere.rerank-v4.0-fast", "--input-chars", "200000")
    assert result.stdout.startswith("0.004 USD\n")
    assert "counted: 2 searches in, 0 searches out" in result.stdout
    assert "per 1,000 searches" in result.stdout


@pytest.mark.parametrize("option", ["--input-chars", "--output-chars"])
@pytest.mark.parametrize("number", ["-1", "x", "1.5"])
def test_a_number_below_zero_or_none_is_a_usage_error(run, option, number):
    result = run("cost", COMMAND_R_PLUS, option, number)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert option in result.stderr


def test_an_unknown_model_names_the_nearest(run):
    result = run("cost", "cohere.command-r-plus-08-2042", "--json")
    assert result.exit_code == 2
    assert json.loads(result.stdout)["error"]["code"] == "model_unknown"
    assert COMMAND_R_PLUS in result.stderr


def test_an_unknown_price_names_the_remedy(run):
    result = run("cost", "xai.grok-4.7", "--input-chars", "10")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "xai.grok-4.7" in result.stderr
    assert "[models.prices_micro_usd]" in result.stderr


def test_the_models_are_listed_with_unit_price_and_date(run):
    rows = [line.split("\t") for line in run("models").stdout.splitlines()]
    listed = {row[0]: row[1:] for row in rows[1:]}
    assert listed["cohere.command-a-03-2025"] == ["both", "P1", "0.0156", "0.0156", "10k chars"]
    assert listed["google.gemini-2.5-flash"] == ["proxied", "from 2027-01-28", "0.3", "2.5", "1M tokens"]
    assert listed["cohere.command-a-reasoning"][:2] == ["dedicated", "P6"]
    assert listed["cohere.rerank-v4.0-pro"] == ["both", "", "2.5", "0", "1k search"]
    assert listed["xai.grok-4.7"][2:4] == ["unknown", "unknown"]


def test_the_models_that_retired_stand_apart_with_their_replacement(run):
    lines = run("models").stdout.splitlines()
    retired = [line for line in lines if line.startswith("retired since 2026-09-30, use cohere.embed-v4.0 instead: ")]
    assert len(retired) == 1
    assert "cohere.embed-english-v3.0" in retired[0]
    assert not [line for line in lines if line.startswith("cohere.embed-english-v3.0")]
    assert any(line.startswith("recommended on OCI: general cohere.command-a-03-2025, code ") for line in lines)


def test_the_models_fit_into_a_hundred_columns(run, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setattr("experience.cli.output.is_terminal", lambda: True)
    lines = run("models").stdout.splitlines()
    table = [
        line for line in lines if not line.startswith(("retired", "no longer", "recommended", "served", "retires"))
    ]
    assert max(map(len, table)) <= 100
    shown = {line.split()[0] for line in table if line.strip()}
    assert {"cohere.command-a-reasoning-08-2025", "xai.grok-4.20-0309-non-reasoning", "openai.gpt-oss-20b"} <= shown


def test_an_endpoint_elsewhere_without_a_price_does_not_seem_to_cost_nothing(run, monkeypatch):
    monkeypatch.setenv("SIXPLANE_OPENAI__BASE_URL", "https://api.example.com/v1")
    result = run("cost", "openai:gpt-4.1-mini", "--input-chars", "10000")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "[models.prices_micro_usd]" in result.stderr


def test_the_models_as_json_bear_their_source(run):
    entries = {entry["id"]: entry for entry in json.loads(run("models", "--json").stdout)}
    assert entries[COMMAND_R_PLUS]["input_price"] == 15_600
    assert "second-hand" in entries[COMMAND_R_PLUS]["source"]
    assert entries[COMMAND_R_PLUS]["retires"] == "2026-07-30"
    assert entries[COMMAND_R_PLUS]["replacement"] == "cohere.command-a-03-2025"
    assert entries["xai.grok-4.3"]["tiers"][0]["above"] == 200_000
    assert entries["xai.grok-4.20-multi-agent"]["surfaces"] == ["responses"]
    assert entries["xai.grok-4.7"]["input_price"] is None


@pytest.mark.parametrize(
    ("micro_usd", "shown"),
    [(0, "0"), (1, "0.000001"), (23_400, "0.0234"), (1_000_000, "1"), (10**21 + 1, "1000000000000000.000001")],
)
def test_dollars_are_exact(micro_usd, shown):
    assert dollars(micro_usd) == shown


@pytest.mark.parametrize(("arguments", "shown"), EXAMPLES, ids=[arguments for arguments, _ in EXAMPLES])
def test_the_examples_of_the_documentation_are_what_the_command_says(run, arguments, shown):
    assert run(*shlex.split(arguments)).stdout == shown


def test_the_documentation_has_examples():
    assert len(EXAMPLES) >= 3
