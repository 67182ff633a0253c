"""`sixplane backup` copies a home folder beside a running server, and the copy answers elsewhere."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

from click.testing import Result
from typer.testing import CliRunner

from experience.cli.app import app
from tests.experience.conftest import home, prepared  # noqa: F401 - fixtures
from tests.experience.http.conftest import chat, client, served


def backup(source: Path, target: Path) -> Result:
    return CliRunner().invoke(app, ["backup", str(target), "--home", str(source)])


def sixplane(folder: Path, *arguments: str) -> str:
    done = CliRunner().invoke(app, [*arguments, "--home", str(folder)])
    assert done.exit_code == 0, (arguments, done.output)
    return done.stdout


async def test_a_backup_beside_a_running_server_answers_elsewhere(home: Path, tmp_path: Path) -> None:  # noqa: F811
    target = tmp_path / "backup"
    async with served(home) as url, client(url) as ann:
        assert (await ann.post("/v1/chat", json=chat(thread="kept"))).json()["status"] == "answered"
        running = [asyncio.create_task(ann.post("/v1/chat", json=chat())) for _ in range(2)]
        done = await asyncio.to_thread(backup, home, target)
        assert (done.exit_code, done.stderr) == (0, ""), done.output
        assert {(await one).status_code for one in running} == {200}
    assert {stat.S_IMODE(path.stat().st_mode) for path in target.rglob("*")} == {0o600, 0o700}
    assert not list(target.rglob("keyword-*"))
    for path in target.rglob("*.db"):
        with closing(sqlite3.connect(path)) as database:
            assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    shutil.rmtree(home)
    restored = tmp_path / "elsewhere"
    shutil.copytree(target, restored)
    await asyncio.to_thread(assert_answers, restored, tmp_path / "bundle.zip")


def assert_answers(restored: Path, bundle: Path) -> None:
    assert "12 dollars" in sixplane(restored, "show", "kept")
    assert "12 dollars" in sixplane(restored, "research", "What is the price of Tariff A?", "-c", "small")
    sixplane(restored, "export", "kept", "--out", str(bundle))
    sixplane(restored, "verify", str(bundle))
    sixplane(restored, "audit", "verify")


def test_a_backup_replaces_none_and_names_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "taken").mkdir()
    wrong = (("home", "taken", "exists"), ("nowhere", "new", "no home folder"), ("home", "home/new", "itself"))
    for source, target, said in wrong:
        done = backup(tmp_path / source, tmp_path / target)
        assert (done.exit_code, said in done.stderr, "hint: " in done.stderr) == (2, True, True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "taken"]


def test_a_backup_that_is_interrupted_has_not_its_name_and_the_next_one_is_whole(tmp_path: Path) -> None:
    source = tmp_path / "home"
    source.mkdir()
    (source / "threads.db").write_bytes(b"no database, " * 100)
    assert backup(source, tmp_path / "new").exit_code == 5
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "new.unfinished"]
    (source / "threads.db").unlink()
    (source / "traces").mkdir()
    (source / "traces" / "a.jsonl").write_text("{}")
    done = backup(source, tmp_path / "new")
    assert done.stdout == f"1 files: {tmp_path / 'new'}\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "new"]


def test_a_folder_that_only_has_the_name_of_an_unfinished_backup_is_kept(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / ".sixplane-backup").touch()
    (tmp_path / "new.unfinished").mkdir()
    (tmp_path / "new.unfinished" / "thesis.txt").write_text("years of work")
    (tmp_path / "file.unfinished").write_text("notes")
    (tmp_path / "link.unfinished").symlink_to(tmp_path / "mine")
    for name in ("new", "file", "link"):
        done = backup(tmp_path / "home", tmp_path / name)
        assert (done.exit_code, "no interrupted backup" in done.stderr, "hint: " in done.stderr) == (2, True, True)
        assert not (tmp_path / name).exists()
    assert (tmp_path / "new.unfinished" / "thesis.txt").read_text() == "years of work"
    assert (tmp_path / "file.unfinished").read_text() == "notes"
    assert (tmp_path / "mine" / ".sixplane-backup").exists()


def test_a_corpus_named_like_an_index_is_copied(tmp_path: Path) -> None:
    source, target = tmp_path / "keyword-home", tmp_path / "new"
    names = ("corpora/vectors-local/vectors-2024/corpus.db", "corpora/local/keyword-notes/corpus.db")
    for name in (*names, "corpora/local/vectors/keyword-2-0/meta.json", "corpora/local/vectors/vectors-1-1.usearch"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).touch()
    assert backup(source, target).exit_code == 0
    assert sorted(str(path.relative_to(target)) for path in target.rglob("*") if path.is_file()) == sorted(names)
