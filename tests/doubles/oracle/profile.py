"""A run on the oracle profile without a database: rows for all that it reads of the asynchronous pool."""

from __future__ import annotations

import hashlib
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from retrieval import load_embeddings
from settings import Settings, load_settings
from tests.doubles.oracle.checkpoints import Checkpoints
from tests.doubles.oracle.leases import WriterRow
from tests.doubles.oracle.recording import RecordingPool, Statement
from tests.doubles.oracle.trips import SqlTrips

TEXTS = {11: "The Falcon project started in 2019.", 12: "Tariff A costs 12 dollars a month."}
QUESTION = "When did the Falcon project start?"


def row(number: int) -> tuple[Any, ...]:
    """Return one passage as the corpus's statements select it."""
    text = TEXTS[number]
    place = (
        number,
        f"E{number:026d}",
        f"doc-{number}",
        f"Doc {number}",
        f"{number}.md",
        None,
        None,
        0,
        len(text),
        text,
    )
    return (*place, hashlib.sha256(text.encode()).hexdigest(), 0, "[]", "prose", "{}")


def version(number: int) -> tuple[Any, ...]:
    """Return one document version as the inventory selects it."""
    text = TEXTS[number]
    digest = hashlib.sha256(text.encode()).hexdigest()
    read = ("text", "1", digest, None, len(text), 1, "2026-01-01T00:00:00+00:00")
    return (f"doc-{number}", f"{number}.md", f"Doc {number}", *read, 0, "{}")


def number_of(binds: dict[str, Any]) -> int:
    """Return the number of the document that a statement names."""
    return int(binds["document_id"].removeprefix("doc-"))


def live(statement: Statement) -> list[tuple[Any, ...]]:
    """Return the live versions of the document that is asked for; of a report in the tenant's memory there is none."""
    if statement.binds["corpus"] != "default":
        return []
    number = number_of(statement.binds)
    return [(number, "cut", hashlib.sha256(TEXTS[number].encode()).hexdigest(), "text", "1", "{}")]


def of_default(rows: list[Any], otherwise: list[Any] | None = None) -> Any:
    """Return an answer for the corpus `default`; the tenant's memory is another one, and empty."""
    return lambda statement: rows if statement.binds["corpus"] == "default" else otherwise or []


def listed(statement: Statement) -> list[Any]:
    return [row(number) for number in TEXTS if {number, row(number)[1]} & set(statement.items)]


def profile_pool(patch: pytest.MonkeyPatch, tables: SqlTrips | None = None) -> RecordingPool:
    """Return a pool that answers a run, and let the service open it in place of Oracle Database's.

    Ledger and threads, which SQLAlchemy would open on a synchronous connection, stand on SQLite; `tables` counts their
    round trips.
    """
    found = RecordingPool()
    Checkpoints(found)
    model = load_embeddings(load_settings()).model_id  # type: ignore[attr-defined]
    found.answer(r"SELECT MAX\(v\) FROM store_migrations", [(4,)])
    found.answer(r"^SELECT c.generation.*CASE", of_default([(3, 1, model, 1)], [(0, 0, None, 0)]))
    found.answer(r"^SELECT c.generation.*\(SELECT COUNT", of_default([(3, 1, model, 2, 2)], [(0, 0, None, 0, 0)]))
    inventory = [(3, 1, model, *version(number)) for number in TEXTS]
    found.answer(r"^SELECT c.generation.*LEFT JOIN", of_default(inventory, [(0, 0, None, *[None] * 12)]))
    found.answer(r"^SELECT c.hash_key", [("ab" * 32,)])
    found.answer(r"^SELECT d.version_no", lambda s: [(number_of(s.binds), "{}", "cut")])
    found.answer(r"^SELECT d.version_no, d.splitting", live)
    found.answer(r"CONTAINS", of_default([(11, 40)]))
    found.answer(r"VECTOR_DISTANCE", of_default([(11, 0.2), (12, 0.6)]))
    found.answer(r"p\.(id|evidence_id) IN", listed)
    found.answer(r"^SELECT \(SELECT JSON_SERIALIZE.* d.text FROM", lambda s: [("{}", TEXTS[number_of(s.binds)])])
    found.answer(
        r"^SELECT d.document_id, \(SELECT JSON_SERIALIZE.* d.text FROM",
        lambda s: [(name, "{}", TEXTS[number_of({"document_id": name})]) for name in s.items],
    )
    WriterRow(found, 384)
    stored: list[str] = []
    found.answer(r"^INSERT INTO SIXPLANE_DOCUMENTS", lambda s: stored.extend(b["document_id"] for b in s.binds) or [])
    found.answer(
        r"^SELECT d.document_id, d.text_hash, d.version_no",
        lambda s: [(name, "", 1, 0, 1, "{}", "cut") for name in stored if name in str(s.binds)],
    )

    @asynccontextmanager
    async def opened(_: Settings) -> Any:
        yield found

    patch.setattr("settings.connections.oracle_pool.open_oracle_pool", opened)
    patch.setattr("settings.connections.sql.open_engine", (tables or SqlTrips()).engine)
    return found


def oracle_settings(home: Path) -> Settings:
    """Return the settings of the oracle profile with models and embeddings of this machine."""
    return load_settings(home=home, profile="oracle", models={"provider": "extractive"}, data={"embeddings": "local"})
