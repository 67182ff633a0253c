import errno
import json
import sys

import pytest
import typer
from typer.testing import CliRunner

from experience.cli.app import app
from experience.cli.errors import handled
from experience.errors import known_error
from state import errors


def run(*arguments):
    return CliRunner().invoke(app, list(arguments))


def test_system_errors_become_ours():
    assert isinstance(known_error(OSError(errno.ENOSPC, "full")), errors.StorageFull)
    assert "SIXPLANE_HOME" in known_error(PermissionError(13, "no", "/x")).hint
    assert "/x" in known_error(PermissionError(13, "no", "/x"), paths=True).message
    assert "/x" not in known_error(PermissionError(13, "no", "/x")).message  # for the callers of a server
    assert isinstance(known_error(ExceptionGroup("g", [errors.CorpusBusy("b")])), errors.CorpusBusy)
    assert known_error(ZeroDivisionError()) is None


def test_a_bug_is_told_without_a_traceback_and_with_one_on_debug():
    one = typer.Typer()

    def fail(json_output: bool = False) -> None:
        raise ZeroDivisionError("secret")

    one.command()(handled(fail))
    plain = CliRunner().invoke(one, [])
    assert (plain.exit_code, plain.stdout) == (1, "")
    assert "--debug" in plain.stderr
    assert "secret" not in plain.stderr
    assert "Traceback" in CliRunner().invoke(one, ["--debug"]).stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("research", "q", "--corpus", "../x"),
        ("research", "q", "--docs", "/nowhere"),
        ("research", "q\udcff"),
        ("research", "q", "--thread", "a/b"),
        ("resume", "..", "--approve"),
        ("resume", "t", "--approve", "--reject"),
        ("resume", "t", "--revise", " "),
        ("show", "a b"),
        ("search", " "),
        ("verify", "/nowhere.json"),
        ("guard", "\udc80"),
        ("corpus", "show", "../../etc"),
        ("ingest", "/nowhere"),
        ("research",),
        ("search", "q", "--mode", "psychic"),
    ],
)
def test_bad_input_exits_with_2_and_a_message(arguments):
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "rror" in result.stderr


@pytest.mark.parametrize("option", ["--length", "--form"])
def test_a_wrong_word_is_told_with_the_allowed_ones_and_nothing_of_the_parser(option):
    done = run("research", "Why?", option, "huge")
    assert done.exit_code == 2
    told = " ".join(done.stderr.replace("│", " ").split())
    allowed = {"--length": "'brief', 'standard', 'deep'", "--form": "'answer', 'report', 'table', 'steps'"}[option]
    assert f"Invalid value for '{option}': 'huge' is not one of {allowed}" in told
    assert "Value error" not in told


def test_a_file_that_is_no_report_is_named(tmp_path):
    file = tmp_path / "r.json"
    file.write_bytes(b"\xff{")
    result = run("verify", str(file), "--json")
    assert result.exit_code == 2
    assert json.loads(result.stdout)["error"]["code"] == "bad_input"
    assert "is not a report" in result.stderr


def test_an_engine_that_cannot_be_used_is_told_before_anything_is_read(tmp_path, monkeypatch):
    refused = run("ingest", str(tmp_path), "--engine", "spark", "--home", str(tmp_path / "home"))
    assert (refused.exit_code, "choose `local` or `ray`" in refused.stderr) == (2, True)
    refused = run("ingest", str(tmp_path), "--workers", "2", "--home", str(tmp_path / "home"))
    assert (refused.exit_code, "--engine ray" in refused.stderr) == (2, True)
    monkeypatch.setitem(sys.modules, "ray", None)
    missing = run("ingest", str(tmp_path), "--engine", "ray", "--home", str(tmp_path / "home"))
    assert (missing.exit_code, "sixplane[ray]" in missing.stderr) == (5, True)
    assert not (tmp_path / "home").exists()
