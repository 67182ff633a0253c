"""Every statement of ledger, threads, keys, managed sources, `sixplane db` and `doctor` for Oracle Database.

SQLAlchemy's are those that each public method issues on SQLite, compiled for Oracle's dialect; the others are recorded
as they are sent. `python -m tests.experience.test_oracle_tables` writes the golden file anew.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import re
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import sqlalchemy as sa
from langchain_core.documents import Document
from sqlalchemy.dialects import oracle as oracle_dialect
from sqlalchemy.sql.elements import ReleaseSavepointClause

from experience.database import Migration, Schema, _journal_ddl, migrations
from experience.doctor.oracle import check_oracle
from experience.service.threads import NEVER, PageWanted, Threads
from experience.service.threads.listing import cursor_of
from gateway.ledger.account import Account
from gateway.ledger.ledger import Ledger
from gateway.ledger.pruning import Cutoffs
from policy.identity import ApiKeys, Permission
from retrieval.managed.kept import KeptPassages
from retrieval.managed.passages import taken
from settings import Settings, load_settings
from settings.connections.sql import open_engine
from settings.sources import SourceSettings
from state.channels import ResearchContext
from state.errors import BudgetExceeded, ThreadBusy
from state.values import Usage
from tests.doubles.oracle import RecordingConnection, RecordingPool
from tests.doubles.oracle.tables import objects
from tests.experience.reports import make_report

GOLDEN = Path(__file__).parents[1] / "golden" / "oracle_tables.sql.json"
OURS = ("ledger", "threads", "keys", "sources")
MIGRATED = (*OURS, "kept runs", "totals of calls", "status of threads", "managed sources")
BUDGETS = dict.fromkeys(("tenant_micro_usd", "month_micro_usd", "principal_month_micro_usd"), 1_000)
DIALECT: Any = oracle_dialect.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy's own


class Compiled:
    """The statements of SQLite engines, as Oracle's dialect writes them."""

    def __init__(self) -> None:
        self.statements: dict[str, list[str]] = {}

    def engine(self, home: Path, name: str) -> sa.Engine:
        """Return an engine on a file of `home` whose statements are taken down."""
        engine = open_engine(Settings(home=home), name)
        sa.event.listen(engine, "before_execute", self._take)
        return engine

    def _take(self, _: Any, clause: Any, multiple: Any, single: Any, __: Any) -> None:
        if isinstance(clause, sa.schema.ExecutableDDLElement | ReleaseSavepointClause):
            return  # tables are listed apart, and Oracle's dialect releases no savepoint
        given = single or (multiple[0] if multiple else {})
        keys = sorted(given) if clause.is_insert else None
        compiled = clause.compile(dialect=DIALECT, column_keys=keys)
        if "POSTCOMPILE" in str(compiled):  # a list, whose binds are told when it is known
            whole = clause.params(**given) if clause.is_select else clause
            sql = str(whole.compile(dialect=DIALECT, compile_kwargs={"render_postcompile": True}))
            binds = re.findall(r":(\w+)", sql)
        else:
            sql, binds = str(compiled), list(compiled.params)
        numbered = re.sub(r"sa_savepoint_\d+", "sa_savepoint_1", " ".join(sql.split()))
        self.statements.setdefault(numbered, sorted(binds))


def public(kind: type) -> set[str]:
    """Return the names of the public methods of `kind` that ask the database."""
    named = {name for name, member in vars(kind).items() if not name.startswith("_") and inspect.isfunction(member)}
    return named - {"aclose", "truncate_log"}  # the log is SQLite's own


class Noting:
    """Hands calls on and notes their names."""

    def __init__(self, inner: Any) -> None:
        self._inner, self.called = inner, set[str]()

    def __getattr__(self, name: str) -> Any:
        self.called.add(name)
        return getattr(self._inner, name)


async def ask_ledger(ledger: Any) -> None:
    """Do everything that a ledger can."""
    plain = {"tenant": "t", "run_id": "r", "principal": "ann"}
    held = await ledger.reserve(**plain, call_key="a", amount=10, limit=100)
    await ledger.settle(held, Usage(calls=1, cost_micro_usd=80), "answer")
    assert (await ledger.reserve(**plain, call_key="a", amount=10, limit=100)).answer == "answer"
    await ledger.reserve(**plain, call_key="died", amount=1, limit=90)
    again = await ledger.reserve(**plain, call_key="died", amount=1, limit=90)
    await ledger.settle(again, Usage(calls=1), None, state="free")
    wanted = ledger.wanted(Account("t", "r", "", 90, "ann"), "lost", 1, "chat", "-", Usage())
    assert ledger.reserve_at_once(wanted) is None  # nothing runs in the event loop here
    lost = await ledger.reserve_wanted(wanted)
    assert not ledger.settle_at_once(lost, Usage(calls=1), None)
    await ledger.settle(lost, Usage(calls=1, cost_micro_usd=1), None, state="charged")
    with suppress(BudgetExceeded):
        await ledger.reserve(**plain, call_key="dear", amount=1_000, limit=90)
    for alert in await ledger.pending_alerts():
        await ledger.alert_published(alert)
    assert await ledger.alerts()
    await ledger.alerts_due_in()
    await ledger.usage("t", "r")
    await ledger.characters("t")
    assert await ledger.soft_limit_reached("t", "r")
    await ledger.set_limit("t", "tenant", 500)
    await ledger.budget("t")
    everything = Cutoffs(calls=10**15, runs=10**15, memos=10**15, alerts=10**15)
    assert (await ledger.prune(everything, dry_run=True)).memos == 1
    assert (await ledger.prune(everything)).memos == 1
    last = await ledger.reserve(**plain, call_key="later", amount=1, limit=900)
    await ledger.settle(last, Usage(calls=1), None, state="free")
    assert (await ledger.prune(everything)).calls == 1  # one total is there already
    await ledger.end_run("t", "r")
    assert (await ledger.prune(everything)).runs == 1


async def ask_threads(threads: Any) -> None:
    """Do everything that the threads can."""
    span = ("0" * 32, "0" * 16)
    given = ("t", "one", "run-1", "Why?", ResearchContext(), None, span)
    await threads.setup()
    lease = await threads.start(*given)
    with suppress(ThreadBusy):
        await threads.start(*given)
    async with threads.held(lease, lambda: None):
        await asyncio.sleep(0.5)
    await threads.settle(lease, "run-1", "answered")
    lease = await threads.start("t", "one", "run-2", *given[3:])
    await threads.settle(lease, "run-2", "answered", span=span, report=make_report())
    lease = await threads.start("t", "one", "run-3", *given[3:])
    await threads.settle(lease, "run-3", "interrupted", span=span)
    _, lease = await threads.take("t", "one")
    await threads.go_on(lease, "run-3")
    assert [ids async for ids in threads.run_ids("t", "one")] == [["run-1", "run-2", "run-3"]]
    assert [ids async for ids in threads.run_ids("t", "one", unkept=True)] == [["run-1"]]
    first = await threads.list("t", PageWanted(owner="ann", query="why because"))
    assert first.threads == ()
    await threads.list("t", PageWanted(query="why", cursor=cursor_of({"updated_at": "2026-01-01", "thread_id": "one"})))
    await threads.get("t", "one")
    await threads.runs("t", "one")
    await threads.release(lease, "interrupted")
    await threads.start("t", "lost", "run-4", *given[3:])
    with patch("experience.service.threads.ageing.is_live", return_value=False):
        assert len(await threads.abandoned(1)) == 1
        with patch("experience.service.threads.rows.is_live", return_value=False):
            with suppress(ThreadBusy):  # its lease has not expired in the database
                await threads.take("t", "lost")
            with patch("experience.service.threads.rows.has_died", return_value=True):
                await threads.take("t", "lost")
        assert await threads.abandoned(1) == []
        with patch("experience.service.threads.rows.has_died", return_value=True):
            assert await threads.abandoned(1) == []
    later = "9999"
    assert {each.thread_id for each in await threads.threads_before(later)} == {"one", "lost"}
    await threads.checkpointed_before(later)
    assert await threads.waiting() == []
    assert await threads.counts_before(later, later, NEVER) == (2, 0, 0)
    assert (await threads.counts_before(NEVER, later, later))[1:] == (2, 0)
    for aged in await threads.reports_before(later):
        await threads.keep_report("t", aged.run_id, make_report())
        await threads.remove_report(aged)
    for page in (threads.threads_before, threads.checkpointed_before, threads.reports_before):
        await page(later, aged)
    await threads.by_run("t", "run-1")
    await threads.has_unlisted_runs("t", "thread")
    await threads.check()
    async with threads.alone("t", "one") as (_, lease):
        await threads.note_without_checkpoints(lease)
        await threads.remove(lease)


async def ask_keys(keys: Any) -> None:
    """Do everything that the keys can."""
    key, text = await keys.create("t", "ann", [Permission.ASK], audiences=["staff"], lifetime=timedelta(days=1))
    await keys.verify(text)
    key, _ = await keys.rotate(key.key_id, overlap=timedelta(hours=1))
    await keys.list()
    await keys.list("t")
    await keys.revoke(key.key_id)


async def ask_sources(kept: Any) -> None:
    """Do everything that the store of managed sources can."""
    declared = SourceSettings(corpus="c", tenant="t", vector_store="vs_1")
    passages, _ = taken("archive", declared, [Document("A text.", metadata={"document_id": "one", "pages": [1]})])
    for thread in ("t/one", "t/two"):
        await kept.keep("t", "c", thread, passages)
    await kept.by_evidence("t", "c", [passages[0].evidence_id])
    await kept.versions("t", "c", passages[0].document_id, passages[0].text_hash)
    await kept.labels("t", "c")
    await kept.count("t", "c", "archive")
    await kept.forget_thread("t/one")
    await kept.forget("t", "c", "archive")
    await kept.forget("t", "c")


ASK = {
    "ledger": (Ledger, ask_ledger),
    "threads": (Threads, ask_threads),
    "keys": (ApiKeys, ask_keys),
    "sources": (KeptPassages, ask_sources),
}


async def issued(name: str) -> tuple[list[dict[str, Any]], set[str]]:
    """Return the statements of a table's class with the names of their binds, and the methods that were called."""
    with tempfile.TemporaryDirectory() as folder:
        compiled, kind = Compiled(), ASK[name][0]
        settings = load_settings(home=Path(folder), budgets=BUDGETS)
        engine = compiled.engine(Path(folder), f"{name}.db")
        more = {"lease_seconds": 1.2} if name == "threads" else {}
        opened = Noting(kind(settings, engine=engine, **more))  # type: ignore[call-arg]
        await ASK[name][1](opened)
        await opened.aclose()
        engine.dispose()
    return [{"sql": sql, "binds": binds} for sql, binds in compiled.statements.items()], opened.called


def oracle(**given: str) -> Settings:
    return load_settings(oracle={"dsn": "db:1521/FREEPDB1", "user": "app", "password": "secret", **given})


def ours() -> list[Migration]:
    return [each for each in migrations(oracle(), 384) if each.name in MIGRATED]


async def deployment() -> list[dict[str, Any]]:
    """Return what `sixplane db` and `doctor` send besides the tables' own DDL."""
    pool = RecordingPool()
    pool.answer(r"session_privs", [("CREATE SESSION",), ("CREATE TABLE",)])
    pool.answer(r"CTX_DDL", [(1,)])
    pool.answer(r"SELECT object_name", objects())

    @asynccontextmanager
    async def opened(_: Settings) -> AsyncIterator[Any]:
        yield pool

    made = {text for each in migrations(oracle(), 384) for text in (*each.statements, *each.drops)}
    pool.answer(r"COUNT\(\*\) FROM SIXPLANE_PASSAGES", [(1_000,)])
    pool.answer(r"ORA_HASH", [([1.0],)])
    with patch("experience.doctor.oracle.open_oracle_pool", opened):
        await check_oracle(oracle(), deep=True)
        await check_oracle(oracle(owner="keeper"))
    schema = Schema(RecordingConnection(pool.script), oracle(), migrations(oracle(), 384))
    text = ("SIXPLANE_PASSAGES_TX", "VALID", "VALID", "SIXPLANE_PASSAGES", "DOMAIN")
    pool.answer(r"all_indexes", [text])
    await schema.status()
    await schema.upgrade()
    applied = [(each.number, each.name) for each in migrations(oracle(), 384)]
    pool.answer(r"SELECT version_no", applied)
    vectors = ("SIXPLANE_PASSAGES_VX", "UNUSABLE", None, "SIXPLANE_PASSAGES", "VECTOR")
    key = ("SYS_C1", "UNUSABLE", None, "THREADS", "NORMAL")
    pool.answer(r"all_indexes", [vectors, key, (*text[:2], "FAILED", *text[3:])])
    await schema.optimize()
    await schema._mend()
    await schema.drop()
    known = {" ".join(text.split()) for text in made}
    found = {each.text: sorted(each.binds or {}) for each in pool.statements if each.text not in known}
    return [{"sql": sql, "binds": binds} for sql, binds in found.items()]


async def recorded() -> dict[str, Any]:
    """Return everything, by section."""
    found: dict[str, Any] = {
        "ddl": [text for each in ours() for text in each.statements],
        "drops": [text for each in ours() for text in each.drops],
    }
    for name in OURS:
        found[name] = (await issued(name))[0]
    found["deployment"] = await deployment()
    return found


async def test_statements_are_those_of_the_golden_file() -> None:
    wanted = json.loads(GOLDEN.read_text(encoding="utf-8"))
    assert wanted == await recorded()
    assert _journal_ddl(oracle()) in [each["sql"] for each in wanted["deployment"]]


async def test_every_method_that_asks_the_database_is_among_them() -> None:
    for name in OURS:
        assert public(ASK[name][0]) <= (await issued(name))[1]


async def test_every_place_has_its_bind() -> None:
    for section, statements in json.loads(GOLDEN.read_text(encoding="utf-8")).items():
        for each in statements if section not in ("ddl", "drops") else []:
            assert set(re.findall(r"(?<![\w']):(\w+)", each["sql"])) == set(each["binds"]), each["sql"]


if __name__ == "__main__":
    GOLDEN.write_text(json.dumps(asyncio.run(recorded()), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
