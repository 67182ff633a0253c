"""The oracle profile by configuration alone: a whole run whose corpus, checkpoints and store are Oracle's.

No database answers: the real packages run on a recording connection that plays rows back. Ledger and threads, which
SQLAlchemy would open on a synchronous connection, stand on SQLite here.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import asynccontextmanager
from typing import Any

import pytest

from experience.service import ResearchRequest, open_service
from retrieval import load_embeddings
from settings import Settings, load_settings
from settings.connections.sql import _sqlite_engine
from state.channels import ResearchContext
from state.errors import DependencyUnavailable, ThreadMissing
from state.values import Status
from tests.doubles.oracle import RecordingPool, Statement
from tests.doubles.oracle.checkpoints import Checkpoints
from tests.doubles.roles import scripted

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


def live(statement: Statement) -> list[tuple[Any, ...]]:
    """Return the live versions of the document that is asked for; of a report in the tenant's memory there is none."""
    if statement.binds["corpus"] != "default":
        return []
    number = int(statement.binds["document_id"].removeprefix("doc-"))
    return [(number, "cut", hashlib.sha256(TEXTS[number].encode()).hexdigest(), "text", "1", "{}")]


def of_default(rows: list[Any], otherwise: list[Any] | None = None) -> Any:
    """Return an answer for the corpus `default`; the tenant's memory is another one, and empty."""
    return lambda statement: rows if statement.binds["corpus"] == "default" else otherwise or []


def listed(statement: Statement) -> list[Any]:
    wanted = statement.binds["items"]
    items = set(json.loads(wanted)) if isinstance(wanted, str) else set(wanted)
    return [row(number) for number in TEXTS if {number, row(number)[1]} & items]


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch) -> RecordingPool:
    found = RecordingPool()
    Checkpoints(found)
    model = load_embeddings(load_settings()).model_id  # type: ignore[attr-defined]
    found.answer(r"SELECT MAX\(v\) FROM store_migrations", [(4,)])
    found.answer(r"^SELECT c.generation.*CASE", of_default([(3, 1, model, 1)], [(0, 0, None, 0)]))
    found.answer(r"^SELECT c.generation.*\(SELECT COUNT", of_default([(3, 1, model, 2, 2)], [(0, 0, None, 0, 0)]))
    inventory = [(3, 1, model, *version(number)) for number in TEXTS]
    found.answer(r"^SELECT c.generation.*LEFT JOIN", of_default(inventory, [(0, 0, None, *[None] * 12)]))
    found.answer(r"^SELECT c.hash_key", [("ab" * 32,)])
    found.answer(r"^SELECT d.version_no", lambda s: [(int(s.binds["document_id"].removeprefix("doc-")), "{}", "cut")])
    found.answer(r"^SELECT d.version_no, d.splitting", live)
    found.answer(r"CONTAINS", of_default([(11, 40)]))
    found.answer(r"VECTOR_DISTANCE", of_default([(11, 0.2), (12, 0.6)]))
    found.answer(r"p\.(id|evidence_id) IN", listed)
    found.answer(r"^SELECT d.text FROM", lambda s: [(TEXTS[s.binds["version_no"]],)])
    found.answer(r"FOR UPDATE NOWAIT", [(384,)])
    stored: list[str] = []
    found.answer(r"^INSERT INTO SIXPLANE_DOCUMENTS", lambda s: stored.extend(b["document_id"] for b in s.binds) or [])
    found.answer(
        r"^SELECT d.document_id, d.text_hash, d.version_no",
        lambda s: [(name, "", 1, 0, 1, "{}", "cut") for name in stored],
    )

    @asynccontextmanager
    async def opened(_: Settings) -> Any:
        yield found

    monkeypatch.setattr("settings.connections.oracle_pool.open_oracle_pool", opened)
    monkeypatch.setattr(
        "settings.connections.sql.open_engine", lambda settings, name: _sqlite_engine(settings.home / name)
    )
    return found


def oracle(home: Any) -> Settings:
    return load_settings(home=home, profile="oracle", models={"provider": "extractive"}, data={"embeddings": "local"})


async def test_a_run_is_answered_from_oracle_s_rows(pool: RecordingPool, tmp_path: Any) -> None:
    request = ResearchRequest(
        question=QUESTION, thread_id="t", context=ResearchContext(corpus="default", model="scripted:m")
    )
    async with open_service(oracle(tmp_path), gateway_models={"scripted:m": scripted()}) as service:
        report = await service.run(request)
        shown = await service.show("local", "t")
        with pytest.raises(ThreadMissing):
            await service.show("other", "t")
    assert report.status is Status.ANSWERED, report.events
    assert report.evidence[0].text == TEXTS[11]
    assert shown.report == report
    texts = [statement.text for statement in pool.statements]
    assert any("MERGE INTO checkpoints" in text for text in texts)
    assert any("MERGE INTO store_novec" in text for text in texts)
    assert any("CONTAINS" in text for text in texts)
    assert not [text for text in texts if QUESTION in text or "Falcon" in text]
    assert not [text for text in texts if text.startswith(("CREATE", "ALTER", "DROP"))]
    assert not list(tmp_path.glob("corpora/**/*.db"))
    assert not (tmp_path / "checkpoints.db").exists()


@pytest.mark.parametrize("broken", ["SELECT MAX\\(v\\) FROM checkpoint_migrations", "FROM store_migrations_novec"])
async def test_a_schema_that_is_not_deployed_is_told_before_a_run(
    pool: RecordingPool, tmp_path: Any, broken: str
) -> None:
    pool.fail(broken, "ORA-00942")
    with pytest.raises(DependencyUnavailable) as caught:
        await open_service(oracle(tmp_path)).__aenter__()
    assert "sixplane db init" in caught.value.hint


async def test_a_lost_connection_in_a_run_ends_it_typed(pool: RecordingPool, tmp_path: Any) -> None:
    request = ResearchRequest(question=QUESTION, context=ResearchContext(corpus="default", model="scripted:m"))
    pool.fail(r"CONTAINS", "ORA-03113", 99)
    async with open_service(oracle(tmp_path), gateway_models={"scripted:m": scripted()}) as service:
        report = await service.run(request)
    assert (report.status, report.stop_reason) == (Status.STOPPED, "retrieval_failed")
