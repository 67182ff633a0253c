"""The PostgreSQL server of the tests: whose tables lie there, and that nothing of it outlives its process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from experience.service.threads.leases import lease_clock
from settings import load_settings
from settings.connections import sql
from settings.connections.sql import open_engine
from tests.doubles.postgres.server import new_schema
from tests.doubles.processes import run
from tests.doubles.waiting import SAFETY_SECONDS

ROOT = Path(__file__).parents[2]
HELD = "import time\nfrom tests.doubles.postgres.server import _socket_folder\nprint(_socket_folder(), flush=True)\n"


def test_both_profiles_keep_their_tables_there(postgres, tmp_path):
    for backend in ("embedded", "oracle"):
        engine = open_engine(load_settings(home=tmp_path, data={"backend": backend}), "threads.db")
        with engine.connect() as connection:
            assert connection.execute(sa.text("SHOW transaction_isolation")).scalar_one() == "read committed"
            assert abs(connection.execute(sa.select(lease_clock())).scalar_one() - time.time()) < 3_600
            assert {"threads", "runs", "ledger_scopes", "api_keys"} <= {*sa.inspect(connection).get_table_names()}
        engine.dispose()
    assert not [*tmp_path.rglob("*.db")]


def test_a_process_of_a_test_keeps_them_there_too(postgres, tmp_path):
    ended = run("tests.doubles.test_postgres:note_a_table", str(tmp_path))
    assert ended.returncode == 0, ended.stderr
    engine = open_engine(load_settings(home=tmp_path), "threads.db")
    assert "noted" in sa.inspect(engine).get_table_names()
    engine.dispose()


def note_a_table() -> None:
    engine = open_engine(load_settings(home=sys.argv[1]), "threads.db")
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE noted (one INTEGER)")


def test_schemas_are_apart_and_engines_come_back_afterwards(tmp_path):
    assert new_schema() != new_schema()
    with open_engine(load_settings(home=tmp_path), "threads.db").connect() as connection:
        assert connection.dialect.name == "sqlite"
    assert sql._sqlite_engine.__module__ == sql.__name__


def test_the_server_ends_with_its_process_even_if_that_is_killed_and_its_folder_goes_too(tmp_path):
    deep = tmp_path / ("long" * 30)  # no socket's path may be as long
    deep.mkdir()
    held = subprocess.Popen(
        [sys.executable, "-c", f"{HELD}time.sleep(600)"],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(deep)},
        stdout=subprocess.PIPE,
        text=True,
    )
    folder = Path(held.stdout.readline().strip())
    server = int((folder / "data" / "postmaster.pid").read_text().split()[0])
    os.kill(server, 0)
    held.send_signal(signal.SIGKILL)
    held.wait()
    until = time.monotonic() + SAFETY_SECONDS
    while folder.exists() and time.monotonic() < until:
        time.sleep(0.01)
    assert not folder.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(server, 0)
