"""`sixplane research --model cassette:NAME`, and the tools of a cassette's author."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from experience.cli.app import app
from gateway.cassette.recording import recorded
from gateway.cassette.tape import load_cassette
from tests.cassettes import check, record, stage

NAME = "refused-request"
QUESTION = "Does a request that the budget refuses cost anything?"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A home whose corpus `handbook` holds the cassette's documents."""
    home = tmp_path_factory.mktemp("home")
    done = sixplane(home, "ingest", "docs/sample", "--corpus", "handbook")
    assert done.exit_code == 0, done.output
    return home


def sixplane(home: Path, *arguments: str):
    # The examples' folder of cassettes is relative to the repository, where the tests run.
    return CliRunner().invoke(app, list(arguments), env={"SIXPLANE_HOME": str(home), "COLUMNS": "200"})


def research(home: Path, question: str, *options: str, model: str = f"cassette:{NAME}"):
    return sixplane(home, "research", question, "--corpus", "handbook", "--model", model, *options)


def test_a_cassette_prints_a_report(home):
    done = research(home, QUESTION)
    assert done.exit_code == 0, done.output
    assert "a request that is turned down costs nothing [1]" in done.stdout
    assert "end of the day" not in done.stdout
    assert "status: answered (approved)" in done.stdout


def test_a_prompt_that_changed_is_an_event_of_the_report(home, tmp_path, monkeypatch):
    fresh = json.loads(research(home, QUESTION, "--json").stdout)
    assert [event for event in fresh["events"] if event["kind"] == "cassette_stale"] == []
    shutil.copy(check.FOLDER / f"{NAME}.toml", tmp_path)
    text = (check.FOLDER / f"{NAME}.prompts.md").read_text("utf-8")
    (tmp_path / f"{NAME}.prompts.md").write_text(
        text.replace("<!-- call: writer 1 -->\n", "<!-- call: writer 1 -->\nx")
    )
    monkeypatch.setenv("SIXPLANE_MODELS__CASSETTES", str(tmp_path))
    stale = json.loads(research(home, QUESTION, "--json").stdout)
    told = [event for event in stale["events"] if event["kind"] == "cassette_stale"]
    assert [event["node"] for event in told] == ["writer"]
    assert f"{NAME}: writer 1: its prompt has changed" in told[0]["detail"]
    assert stale["status"] == "answered"


def test_another_question_is_refused_with_the_cassettes_own(home):
    done = research(home, "Does a guard cost anything?")
    assert done.exit_code == 2
    assert f"cassette '{NAME}': the run asks another question" in done.stderr
    assert f"hint: ask: {QUESTION}" in done.stderr
    assert done.stdout == ""  # no run began, so there is no report that would only name a code


@pytest.mark.parametrize(
    ("options", "told", "remedy"),
    [
        (("--length", "deep"), "`length` standard, not deep", "--length standard"),
        (("--form", "table", "-k", "3"), "`form` answer, not table, `k` 8, not 3", "--form answer -k 8"),
    ],
)
def test_other_options_than_the_cassettes_are_refused_with_the_options_to_pass(home, options, told, remedy):
    done = research(home, QUESTION, *options)
    assert done.exit_code == 2
    assert f"cassette '{NAME}': its answers were written for other options: {told}" in done.stderr
    assert f"hint: pass `{remedy}`" in done.stderr
    assert done.stdout == ""


def test_a_cassette_with_a_context_is_asked_with_its_options(home):
    name = "round-trips-table"
    cassette = load_cassette(check.FOLDER, name)
    assert sixplane(home, "ingest", *cassette.documents, "--corpus", name).exit_code == 0
    asked = ("research", cassette.question, "--corpus", name, "--model", f"cassette:{name}")
    refused = sixplane(home, *asked)
    assert refused.exit_code == 2
    options = re.search(r"hint: pass `([^`]*)`", refused.stderr)[1].split()
    report = json.loads(sixplane(home, *asked, *options, "--json").stdout)
    assert report["status"] == cassette.status
    assert [event["kind"] for event in report["events"] if event["kind"] == "cassette_stale"] == []


def test_documents_that_the_corpus_lacks_are_named_by_their_handle(home):
    done = sixplane(home, "ingest", "docs/sample/six-planes.md", "--corpus", "small")
    assert done.exit_code == 0
    done = sixplane(home, "research", QUESTION, "--corpus", "small", "--model", f"cassette:{NAME}")
    assert done.exit_code == 2
    assert "passages that the analyzer was shown hold the words of" in done.stderr
    assert "ingest the cassette's `documents`" in done.stderr


@pytest.mark.parametrize("model", ["cassette:none", "cassette:../x", "cassette:"])
def test_a_cassette_that_does_not_exist_is_bad_input(home, model):
    done = research(home, QUESTION, model=model)
    assert done.exit_code == 2
    assert "error: " in done.stderr
    assert "hint: " in done.stderr


def test_the_check_names_every_fault(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(check, "FOLDER", tmp_path)
    text = (Path(__file__).parent / f"{NAME}.toml").read_text("utf-8")
    for good, bad in (
        (check.HAND_WRITTEN, "# Written"),
        ('budget = "A budget is a limit', 'budget = "A budgets is a limit'),
        ('A request that is refused at ingress consumes no model usage at all." }', 'It is free." }'),
        ('sentence = "A request that ingress"', 'sentence = "A request that egress"'),
        ('carried_by = ["ingress: consumes no model usage"]', "carried_by = []"),
    ):
        assert good in text
        text = text.replace(good, bad)
    (tmp_path / f"{NAME}.toml").write_text(text)
    assert check.main([]) == 1
    printed = capsys.readouterr().out
    for fault in (
        "the first line must be",
        "the words of the handle 'budget' stand in 0 passages",
        "'It is free.' does not stand in the passage of 'ingress'",
        "the mark 'A request that egress' begins 0 claims",
        "no mark begins the claim 'A request that ingress turns away",
        "is `supported`, but `carried_by` is empty",
    ):
        assert fault in printed


@pytest.mark.parametrize("wanted", [["nope"], [NAME, "nope"]])
def test_recording_an_unknown_cassette_lists_the_known_ones(wanted, capsys):
    with pytest.raises(SystemExit) as ended:
        record.main(wanted)
    assert ended.value.code == 2
    printed = capsys.readouterr().err
    assert "there is no cassette 'nope'" in printed
    assert all(name in printed for name in check.names())
    assert "Traceback" not in printed
    assert not (check.FOLDER / "nope.toml").exists()


def test_a_new_cassette_stops_at_the_first_answer_that_is_missing(tmp_path, monkeypatch, capsys):
    for module in (check, record, stage):
        monkeypatch.setattr(module, "FOLDER", tmp_path)
    question = 'Which "tiers" exist?'
    record.main(["--question", question, "--documents", "docs/sample/rate-tiers.txt"])
    name = "which-tiers-exist"
    assert load_cassette(tmp_path, name).question == question
    assert list(recorded(tmp_path, name)) == ["researcher 1"]
    assert question.replace('"', '\\"') in recorded(tmp_path, name)["researcher 1"]
    assert "holds 0 answers of the researcher" in capsys.readouterr().out
    with (tmp_path / f"{name}.toml").open("a") as file:
        file.write('\n[[researcher]]\nstandalone_question = "Which tiers?"\nsub_questions = ["Which tiers?"]\n')
    record.main([name])
    assert list(recorded(tmp_path, name)) == ["researcher 1", "analyzer 1"]
    printed = capsys.readouterr().out
    assert "+++ analyzer 1 (now)" in printed
    assert "read the answers in `which-tiers-exist.toml` again" in printed
    assert "holds 0 answers of the analyzer" in printed
