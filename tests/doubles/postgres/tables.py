"""Our tables on PostgreSQL: the engines of both profiles are replaced, and nothing else of the product changes.

A process of a test does the same when its environment names a schema (`PLACE`); `Forked` looks for it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles

from experience.service.threads.leases import lease_clock
from experience.tables import metadata as threads
from gateway.ledger.tables import metadata as ledger
from policy.identity.keys import metadata as keys
from retrieval.managed.tables import metadata as sources
from settings.connections import sql
from tests.doubles.postgres.server import new_schema

PLACE = "TESTS_POSTGRES"
"""The environment variable with the address of the schema that a process keeps its tables in."""


@compiles(lease_clock, "postgresql")
def _clock(*_: object, **__: object) -> str:
    return "EXTRACT(EPOCH FROM clock_timestamp())::float8"


def engine_on(address: sa.URL | str) -> sa.Engine:
    """Return an engine as Oracle's: a bounded pool, at the server's own isolation."""
    return sa.create_engine(address, pool_size=8, max_overflow=0, pool_timeout=30)


@contextmanager
def tables_in_postgres() -> Iterator[sa.URL]:
    """Keep ledger, threads, keys and managed sources of a block, and of its processes, in a schema of their own."""
    address = new_schema()
    text = address.render_as_string(hide_password=False)
    engine = engine_on(address)
    for metadata in (ledger, threads, keys, sources):  # as `sixplane db init` makes them: opening creates none
        metadata.create_all(engine)
    engine.dispose()
    with patch.dict(os.environ, {PLACE: text}), replaced(text):
        yield address


def follow(place: str) -> None:
    """Keep the tables of this process where its environment says, until it ends."""
    for each in _replacing(place):
        each.start()


@contextmanager
def replaced(place: str) -> Iterator[None]:
    """Open every engine on `place` during a block, whichever profile is chosen."""
    with ExitStack() as stack:
        for each in _replacing(place):
            stack.enter_context(each)
        yield


def _replacing(place: str) -> list[Any]:
    return [patch.object(sql, name, lambda _: engine_on(place)) for name in ("_oracle_engine", "_sqlite_engine")]
