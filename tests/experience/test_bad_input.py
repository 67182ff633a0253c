"""Bad input at the command line: a clear error with its remedy, the right exit status, nothing lost."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfgen.canvas import Canvas
from typer.testing import CliRunner

from experience.cli.app import app
from tests.doubles import processes

QUESTION = "What is the price of Tariff A?"


def run(home: Path, *arguments: str, stdin: bytes | None = None, **environment: str):
    environment = {"SIXPLANE_HOME": str(home), **environment}
    return CliRunner().invoke(app, list(arguments), input=stdin, env=environment)


def assert_told(result, status: int, *words: str) -> None:
    """One error with its remedy, on standard error, and no traceback."""
    assert result.exit_code == status, (result.exit_code, result.stdout, result.stderr)
    assert result.stdout == ""
    assert "error: " in result.stderr
    assert "hint: " in result.stderr, result.stderr
    assert "Traceback" not in result.stderr
    assert "unexpected" not in result.stderr
    for word in words:
        assert word in result.stderr, result.stderr


def answers(home: Path) -> bool:
    result = run(home, "search", "Tariff A", "--corpus", "small", "--json")
    assert result.exit_code == 0, result.stderr
    return "12 dollars" in result.stdout


@pytest.mark.parametrize("command", [("research",), ("search",)])
def test_missing_corpus(home, command):
    assert_told(run(home, *command, QUESTION, "--corpus", "nowhere"), 2, "nowhere", "sixplane ingest")
    assert not (home / "corpora" / "local" / "nowhere").exists()


@pytest.mark.parametrize("arguments", [("corpus", "show", "nowhere"), ("corpus", "prune", "nowhere")])
def test_missing_corpus_elsewhere(home, arguments):
    assert_told(run(home, *arguments), 2, "nowhere", "sixplane ingest")


def test_no_home_yet(tmp_path):
    assert_told(run(tmp_path / "new", "research", QUESTION), 2, "default", "sixplane ingest")


def test_empty_corpus(home, tmp_path):
    (tmp_path / "nothing").mkdir()
    run(home, "ingest", str(tmp_path / "nothing"), "--corpus", "bare")
    result = run(home, "research", QUESTION, "--corpus", "bare", "--json")
    assert result.exit_code == 2, result.stderr
    assert "error: corpus_empty" in result.stderr
    assert "sixplane ingest" in result.stderr
    assert json.loads(result.stdout)["stop_reason"] == "corpus_empty"


def bad_files(folder: Path) -> dict[str, str]:
    """One bad file per kind, with a word that its reason has."""

    (folder / "empty.md").write_bytes(b"")
    (folder / "blank.txt").write_text(" \n\n")
    (folder / "binary.txt").write_bytes(bytes(range(256)) * 20)
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7\ngarbage")
    (folder / "broken.docx").write_bytes(b"PK\x03\x04 not a zip")
    (folder / "broken.jsonl").write_text("no json\n")
    (folder / "large.txt").write_text("word " * 100_000)
    page = Canvas(str(folder / "locked.pdf"), encrypt=StandardEncryption("secret", ownerPassword="secret"))
    page.drawString(100, 700, "Nobody reads this.")
    page.save()
    return {
        "empty.md": "empty",
        "blank.txt": "no text",
        "binary.txt": "binary",
        "broken.pdf": "",
        "broken.docx": "",
        "broken.jsonl": "",
        "large.txt": "more than 200,000",
        "locked.pdf": "encrypted",
    }


@pytest.mark.parametrize("together", [True, False])
def test_bad_files_are_named_with_their_reason_and_good_ones_kept(tmp_path, docs, together):
    folder = docs if together else tmp_path / "bad"
    folder.mkdir(exist_ok=True)
    reasons = bad_files(folder)
    result = run(tmp_path / "home", "ingest", str(folder), "--corpus", "small", SIXPLANE_DATA__MAX_FILE_BYTES="200000")
    told = {
        line.split(": ")[1].rsplit("/", 1)[-1].removesuffix(":1"): line
        for line in result.stderr.splitlines()
        if "skipped:" in line
    }
    assert set(told) == set(reasons)
    for name, word in reasons.items():
        assert word in told[name].lower(), told[name]
    assert "Traceback" not in result.stderr
    assert result.exit_code == (0 if together else 2)
    if together:
        assert "3 added" in result.stdout
        assert answers(tmp_path / "home")


@contextmanager
def forbidden(monkeypatch, folder: Path):
    """Deny the folder, also to root, whom permissions do not bind."""
    folder.chmod(0)
    if os.geteuid() == 0:
        listing, opening = os.scandir, os.listdir

        def deny(real):
            def denied(path="."):
                if Path(os.fspath(path)) == folder:
                    raise PermissionError(13, "Permission denied", str(path))
                return real(path)

            return denied

        monkeypatch.setattr(os, "scandir", deny(listing))
        monkeypatch.setattr(os, "listdir", deny(opening))
    try:
        yield
    finally:
        folder.chmod(0o700)


def test_folder_without_permission(tmp_path, docs, monkeypatch):
    private = docs / "private"
    private.mkdir()
    (private / "secret.md").write_text("Nobody reads this.")
    with forbidden(monkeypatch, private):
        result = run(tmp_path / "home", "ingest", str(docs), "--corpus", "small")
        alone = run(tmp_path / "home", "ingest", str(private), "--corpus", "other")
    assert result.exit_code == 0, result.stderr
    assert "private" in result.stderr
    assert "ermission" in result.stderr
    assert answers(tmp_path / "home")
    assert alone.exit_code == 2
    assert "ermission" in alone.stderr


def test_home_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    assert_told(run(tmp_path / "file", "research", QUESTION), 5, "file")
    assert_told(run(tmp_path / "file" / "home", "ingest", str(tmp_path), "--corpus", "small"), 5, "file")


@pytest.mark.parametrize("question", ["", "  \n", "\N{ZERO WIDTH SPACE}", "x" * 100_000, "caf\udce9"])
def test_questions_that_cannot_be_asked(home, question):
    assert_told(run(home, "research", question, "--corpus", "small"), 2)


@pytest.mark.parametrize("stdin", [b"", b"\xff\xfe\x00", "Grüße".encode("latin-1"), b"x" * 100_000])
@pytest.mark.parametrize("command", ["research", "search"])
def test_questions_on_standard_input_that_cannot_be_asked(home, stdin, command):
    if command == "search" and len(stdin) > 1000:
        pytest.skip("a long query is a query")
    assert_told(run(home, command, "-", "--corpus", "small", stdin=stdin), 2)


@pytest.mark.parametrize("question", ["资费A多少钱?", "ما هو سعر التعرفة أ؟", "Сколько стоит тариф A?", "🤔?"])
def test_a_question_in_another_script_is_answered_or_abstained_from(home, question):
    result = run(home, "research", question, "--corpus", "small", "--json")
    assert result.exit_code == 0, result.stderr
    report = json.loads(result.stdout)
    assert report["question"] == question
    assert report["status"] in ("answered", "partial", "abstained")


@pytest.mark.parametrize(
    "arguments",
    [
        ("research", QUESTION, "--corpus", "small", "--model", "extractve"),
        ("show", "nowhere"),
        ("resume", "nowhere"),
        *[("research", QUESTION, "--corpus", name) for name in ("../x", "/etc", "a" * 65, "..", "a/b", "a\0b", " ")],
        *[("ingest", ".", "--corpus", name) for name in ("../x", "/etc", "a" * 65)],
        *[("search", QUESTION, "--corpus", name) for name in ("../x", "/etc", "a" * 65)],
        *[("corpus", "show", name) for name in ("../x", "/etc", "a" * 65)],
        *[("research", QUESTION, "--corpus", "small", "--thread", name) for name in ("../x", "/t", "a" * 65, "")],
        *[("threads", "--tenant", name) for name in ("../x", "/t", "a" * 65)],
        ("search", QUESTION, "--corpus", "small", "--tenant", "../local"),
    ],
)
def test_unknown_and_impossible_names(home, arguments):
    before = sorted(path for path in home.parent.rglob("*") if path.is_dir())
    assert_told(run(home, *arguments), 2)
    assert sorted(path for path in home.parent.rglob("*") if path.is_dir()) == before


def test_a_model_without_an_endpoint(home):
    result = run(home, "research", QUESTION, "--corpus", "small", "--model", "openai:gpt")
    assert result.exit_code == 2
    assert "the models `openai:…` need an endpoint" in result.stderr
    assert "hint: set SIXPLANE_OPENAI__BASE_URL" in result.stderr


def test_doctor_names_a_damaged_database(home):
    (home / "threads.db").write_bytes(b"no database" * 1000)
    result = run(home, "doctor")
    assert result.exit_code == 5
    assert "FAIL databases: threads.db" in result.stdout
    assert "hint: " in result.stdout


def test_an_unknown_model_names_the_nearest(home):
    assert_told(run(home, "research", QUESTION, "--corpus", "small", "--model", "extractve"), 2, "extractive")


@pytest.mark.parametrize(
    "database", ["corpora/local/small/corpus.db", "threads.db", "checkpoints.db", "ledger.db", "store.db"]
)
def test_a_corrupt_database_is_named_and_left_as_it_is(home, database):
    assert run(home, "research", QUESTION, "--corpus", "small").exit_code == 0
    path = home / database
    assert path.is_file()
    for log in (path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
        log.unlink(missing_ok=True)
    garbage = b"this is no database " * 1000
    path.write_bytes(garbage)
    result = run(home, "research", QUESTION, "--corpus", "small", "--json")
    assert result.exit_code == 5, result.stderr
    assert "Traceback" not in result.stderr
    assert path.name in result.stderr
    assert "hint: " in result.stderr
    assert path.read_bytes() == garbage


@pytest.fixture
def small_disk(tmp_path):
    """A file system of one megabyte."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = shutil.which("mount") and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], capture_output=True
    )
    if not mounted or mounted.returncode:
        pytest.skip("a small file system cannot be mounted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=False)


def test_full_disk(small_disk, home, tmp_path):
    shutil.copytree(home, small_disk / "home")
    (small_disk / "filler").write_bytes(b"x" * (700 * 1024 - 1))
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(40):
        (folder / f"{number}.txt").write_text(f"Document {number} says word{number}. " * 600)
    assert_told(run(small_disk / "home", "ingest", str(folder), "--corpus", "small"), 5, "SIXPLANE_HOME")
    (small_disk / "filler").unlink()
    assert answers(small_disk / "home")


def test_full_disk_before_a_question(small_disk, home):
    shutil.copytree(home, small_disk / "home")
    asked = ("research", QUESTION, "--corpus", "small", "--thread", "t")
    with (small_disk / "filler").open("wb", buffering=0) as filler, suppress(OSError):
        while True:
            filler.write(b"x" * 1024)
    assert_told(run(small_disk / "home", *asked), 5, "full", "SIXPLANE_HOME")
    (small_disk / "filler").unlink()
    assert answers(small_disk / "home")


@pytest.mark.slow
def test_two_processes_ingesting_the_same_corpus_at_once(tmp_path, docs):
    for number in range(12):
        (docs / f"{number}.txt").write_text(f"Document {number} says word{number}. " * 400)
    command = ("ingest", str(docs), "--corpus", "small", "--json")
    environment = {**os.environ, "SIXPLANE_HOME": str(tmp_path / "home"), "SIXPLANE_DATA__LOCK_TIMEOUT_SECONDS": "0"}
    both = [processes.Forked("experience.cli:main", *command, env=environment) for _ in range(2)]
    ended = [process.end() for process in both]
    assert sorted(each.returncode for each in ended) == [0, 5], ended
    refused = next(each for each in ended if each.returncode == 5)
    assert json.loads(refused.stdout)["error"]["code"] == "corpus_busy"
    assert "Traceback" not in refused.stderr
    assert "hint: wait" in refused.stderr
    manifest = json.loads(run(tmp_path / "home", "corpus", "show", "small", "--json").stdout)
    assert manifest["documents"] == 15
    assert answers(tmp_path / "home")
