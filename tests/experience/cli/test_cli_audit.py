"""`sixplane audit`: a whole trail is confirmed, a changed one is refused with its line."""

import json

import pytest
from typer.testing import CliRunner

from experience.cli.app import app
from observability.audit import AuditKind, AuditTrail, check_trail
from settings import Settings
from tests.observability.audit.test_trail import event


def run(home, *arguments):
    return CliRunner().invoke(app, ["audit", *map(str, arguments)], env={"SIXPLANE_HOME": str(home)})


@pytest.fixture
def path(tmp_path):
    trail = AuditTrail(Settings(home=tmp_path), policy="3fd5")
    for number in range(5):
        trail.write(event(AuditKind.DELETE if number == 2 else AuditKind.READ, counts={"number": number}))
    return trail.path


def test_a_whole_trail_is_confirmed_with_its_head(tmp_path, path):
    head = check_trail(path).head
    for arguments in (("verify",), ("verify", path), ("verify", "--head", head)):
        done = run(tmp_path, *arguments)
        assert (done.exit_code, done.stdout) == (0, f"lines: 5 in order, numbers 1 to 5\nhead: {head}\n")
    told = json.loads(run(tmp_path, "verify", "--json").stdout)
    assert told == {"lines": 5, "first": 1, "last": 5, "head": head, "fault": None}
    assert run(tmp_path / "new", "verify").exit_code == 0


def test_one_changed_byte_is_told_with_its_line(tmp_path, path):
    path.write_bytes(path.read_bytes().replace(b'"number":3', b'"number":4'))
    done = run(tmp_path, "verify")
    assert (done.exit_code, done.stdout) == (2, "lines: 3 in order, numbers 1 to 3\n")
    assert "error: line 4: its content does not fit its hash" in done.stderr
    told = json.loads(run(tmp_path, "verify", "--json").stdout)
    assert told["fault"]["line"] == 4


def test_a_hash_that_the_trail_does_not_contain_is_a_fault(tmp_path, path):
    done = run(tmp_path, "verify", "--head", "0" * 64)
    assert (done.exit_code, "no line has the given hash" in done.stderr) == (2, True)


def test_events_are_shown_by_kind_and_from_the_end(tmp_path, path):
    lines = json.loads(run(tmp_path, "show", "--json").stdout)
    assert [each["n"] for each in lines] == [1, 2, 3, 4, 5]
    assert [each["n"] for each in json.loads(run(tmp_path, "show", "--json", "--last", "2").stdout)] == [4, 5]
    shown = run(tmp_path, "show", "--kind", "delete").stdout.splitlines()
    assert [line.split("\t")[:1] + line.split("\t")[2:] for line in shown[1:]] == [
        ["3", "delete", "search", "done", "", "acme", "ann", "corpus:handbook"]
    ]
    assert json.loads(run(tmp_path / "new", "show", "--json").stdout) == []
