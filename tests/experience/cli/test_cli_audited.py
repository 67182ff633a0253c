"""The commands that change something are in the audit trail, with the account that ran them, or they do nothing."""

import json

from typer.testing import CliRunner

from experience.cli.app import app
from observability.audit import check_trail, operator, read_lines
from tests.doubles.poison import DOCUMENTS, POLICY, QUERY, checked


def run(home, *arguments):
    return CliRunner().invoke(app, list(map(str, arguments)), env={"SIXPLANE_HOME": str(home)})


def lines(home):
    assert check_trail(home / "audit.jsonl").fault is None
    return list(read_lines(home / "audit.jsonl"))


def ended(home):
    return [
        (each["kind"], each["operation"], each["object"], each["ids"], each["counts"])
        for each in lines(home)
        if each["outcome"] != "begun"
    ]


def test_changes_of_keys_and_budgets_are_recorded_without_the_key(tmp_path):
    made = json.loads(run(tmp_path, "keys", "create", "--principal", "jane", "--role", "ask", "--json").stdout)
    first = made["key_id"]
    second = json.loads(run(tmp_path, "keys", "rotate", first, "--json").stdout)["key_id"]
    assert run(tmp_path, "keys", "revoke", second).exit_code == 0
    assert run(tmp_path, "keys", "revoke", "0123456789ab").exit_code == 2
    assert run(tmp_path, "budget", "set", "--month", "25", "--total", "none", "--tenant", "acme").exit_code == 0
    assert ended(tmp_path) == [
        ("key", "create", "principal:jane", [first], {}),
        ("key", "rotate", f"key:{first}", [second], {}),
        ("key", "revoke", f"key:{second}", [], {}),
        ("key", "revoke", "key:0123456789ab", [], {}),
        ("budget", "set", "tenant:acme", [], {"tenant": None, "month": 25_000_000}),
    ]
    assert [each["reason"] for each in lines(tmp_path) if each["outcome"] == "failed"] == ["key_missing"]
    assert {each["principal"] for each in lines(tmp_path)} == {operator().principal}
    for command in ("revoke", "rotate"):  # somebody gives the key itself, which stays valid
        told = run(tmp_path, "keys", command, made["key"])
        assert (told.exit_code, made["key"] in told.stderr) == (2, False)
    assert made["key"].partition(first)[2][1:] not in (tmp_path / "audit.jsonl").read_text()


def test_a_search_leaves_out_what_a_guard_refuses_and_says_what_it_flags(tmp_path, monkeypatch):
    home, docs = tmp_path / "home", tmp_path / "docs"
    docs.mkdir()
    for name, text in DOCUMENTS.items():
        (docs / name).write_text(text)
    monkeypatch.setenv("SIXPLANE_POLICY__INJECTION_DROP_EVIDENCE_ABOVE", str(POLICY["injection_drop_evidence_above"]))
    assert run(home, "ingest", docs, "--corpus", "mill").exit_code == 0
    asked = ("search", QUERY, "--corpus", "mill", "--mode", "keyword")
    checked(json.loads(run(home, *asked, "--json").stdout))
    shown = run(home, *asked).stdout
    assert "(flagged: off_topic_request)" in shown
    assert shown.splitlines()[-1] == "1 left out: prompt_injection"
    assert "zorglub" not in shown
    told = [each for each in lines(home) if each["kind"] == "refusal"]
    assert [each["counts"] for each in told] == [{"prompt_injection": 1}] * 2


def test_ingestion_reads_deletion_and_copies_are_recorded(tmp_path):
    home, page = tmp_path / "home", tmp_path / "page.md"
    page.write_text("# Bonus\n\nThe bonus of the Falcon team is 4,711 euros.\n")
    assert run(home, "ingest", page, "--corpus", "pay", "--audience", "finance").exit_code == 0
    assert "4,711" in run(home, "search", "bonus", "--corpus", "pay", "--mode", "keyword").stdout
    page.write_text("# Bonus\n\nThe bonus of the Falcon team is 5,000 euros.\n")
    assert run(home, "ingest", page, "--corpus", "pay", "--audience", "*").exit_code == 0
    run(home, "search", "bonus", "--corpus", "pay", "--mode", "keyword")
    assert run(home, "corpus", "prune", "pay").exit_code == 0
    assert run(home, "corpus", "copy", "pay", "--from", "embedded", "--to", "embedded", "--as", "new").exit_code == 0
    found = ended(home)
    assert [each[:3] for each in found] == [
        ("ingest", "ingest", "corpus:pay"),
        ("read", "search", "corpus:pay"),
        ("relabel", "ingest", "corpus:pay"),
        ("ingest", "ingest", "corpus:pay"),
        ("delete", "prune", "corpus:pay"),
        ("export", "copy", "corpus:pay"),
    ]
    assert found[1][3] == found[2][3]
    assert [name.rpartition("/")[2] for name in found[1][3]] == ["page.md"]
    assert found[4][4] == {"passages": 1}
    assert found[5][3] == ["embedded:new"]
    assert "Falcon" not in (home / "audit.jsonl").read_text()


def test_shown_reports_and_manifests_with_restricted_documents_are_recorded(tmp_path):
    home, page = tmp_path / "home", tmp_path / "page.md"
    page.write_text("# Bonus\n\nThe bonus of the Falcon team is 4,711 euros.\n")
    assert run(home, "ingest", page, "--corpus", "pay", "--audience", "finance").exit_code == 0
    asked = run(home, "research", "What is the bonus of the Falcon team?", "--corpus", "pay", "--thread", "t")
    assert "4,711" in asked.stdout
    assert "4,711" in run(home, "show", "t").stdout
    assert "Bonus" in run(home, "corpus", "show", "pay").stdout
    assert [each[:3] for each in ended(home)][1:] == [
        ("read", "research", "thread:t"),
        ("read", "show", "thread:t"),
        ("read", "manifest", "corpus:pay"),
    ]
    assert len({tuple(each[3]) for each in ended(home)[1:]}) == 1
    (home / "audit.jsonl").rename(home / "away")
    (home / "audit.jsonl").mkdir()
    for command in (("show", "t"), ("corpus", "show", "pay")):
        refused = run(home, *command)
        assert (refused.exit_code, "onus" in refused.stdout) == (5, False)


def test_a_command_whose_change_cannot_be_recorded_does_nothing(tmp_path):
    (tmp_path / "audit.jsonl").mkdir()
    for arguments in (
        ("keys", "create", "--principal", "jane", "--role", "ask", "--json"),
        ("budget", "set", "--month", "25"),
        ("ingest", __file__, "--corpus", "new"),
    ):
        done = run(tmp_path, *arguments)
        assert (done.exit_code, "the audit trail cannot be written" in done.stderr) == (5, True)
        assert str(tmp_path) not in done.stderr
    assert json.loads(run(tmp_path, "keys", "list", "--json").stdout) == []
    assert json.loads(run(tmp_path, "budget", "show", "--json").stdout)["budgets"][1]["hard_limit"] is None
    assert json.loads(run(tmp_path, "corpus", "list", "--json").stdout) == []


def test_removing_and_deleting_is_confirmed_and_recorded(tmp_path):
    docs = tmp_path / "docs"
    docs.mkdir()
    for name in ("a.txt", "b.txt", "c.txt"):
        (docs / name).write_text(f"the text of {name}", encoding="utf-8")
    assert run(tmp_path, "ingest", docs, "--corpus", "c").exit_code == 0
    for command in (("remove", "c", "docs/a.txt"), ("remove", "c"), ("delete", "c")):
        refused = run(tmp_path, "corpus", *command)
        assert (refused.exit_code, "--yes" in refused.stderr) == (2, True)
    folder = run(tmp_path, "corpus", "remove", "c", "docs")
    assert "this would take docs and all documents in them out of search" in " ".join(folder.stderr.split())
    removed = json.loads(run(tmp_path, "corpus", "remove", "c", "docs/a.txt", "--yes", "--json").stdout)
    assert (removed["documents"], removed["document_ids"]) == (1, ["docs/a.txt"])
    missing = run(tmp_path, "corpus", "remove", "c", "docs/a.txt", "--yes")
    assert (missing.exit_code, "docs/a.txt" in missing.stderr) == (2, True)
    (docs / "b.txt").unlink()
    synced = run(tmp_path, "ingest", docs, "--corpus", "c", "--sync")
    assert "1 removed" in synced.stdout
    assert run(tmp_path, "corpus", "delete", "c", "--yes").exit_code == 0
    assert run(tmp_path, "corpus", "delete", "c", "--yes").exit_code == 2
    assert run(tmp_path, "corpus", "delete", "memory.reports", "--yes").exit_code == 2
    assert not (tmp_path / "corpora" / "local" / "c").exists()
    assert run(tmp_path, "threads", "delete", "t1").exit_code == 2
    assert [each for each in ended(tmp_path) if each[0] == "delete"] == [
        ("delete", "remove", "corpus:c", ["docs/a.txt"], {"documents": 1, "passages": 1}),
        ("delete", "remove", "corpus:c", [], {}),
        ("delete", "delete_corpus", "corpus:c", [], {}),
    ]
