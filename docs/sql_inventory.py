"""Every statement for Oracle Database, out of the golden files: what for, whose, and how it is proven.

The table in docs/oracle.md is made here. A statement that no purpose fits, or two fit, is an error: a new one is
described before it is used.
"""

from __future__ import annotations

import json
import logging
import re
from dataclasses import dataclass
from pathlib import Path

import sqlglot
from sqlglot.errors import SqlglotError

GOLDEN = Path(__file__).resolve().parent.parent / "tests" / "golden"
SAVER, STORE = "langgraph-oracledb, saver", "langgraph-oracledb, store"
DIALECT = "ours, written by SQLAlchemy"
OURS, ADAPTED = "ours", "langgraph-oracledb, store; made exact by us"

REWRITES = (
    (r":(\d+)\b", r":b\1", "binds by number get a name"),
    (r"VECTOR\(\d+, FLOAT32\)", "CLOB", "the vector type becomes a CLOB"),
    (r" USING t\.item AS DATA\)", ", t.item)", "`USING … AS DATA` becomes an argument"),
    (r" ONLINE$", "", "`ONLINE` goes"),
    (r"FETCH APPROX FIRST :near ROWS ONLY WITH TARGET ACCURACY \d+", "FETCH FIRST 5 ROWS ONLY", "`APPROX` goes"),
    (r" RETURNING CLOB\)", ")", "`RETURNING CLOB` goes"),
    (
        r"^CREATE (?:VECTOR|SEARCH) INDEX (\w+) ON (\w+ \(\w+\)) .*",
        r"CREATE INDEX \1 ON \2",
        "of a vector or text index only name, table and column stay",
    ),
)
"""What sqlglot's Oracle dialect does not know, made into what it does: it proves the rest of a statement."""

_PURPOSES = (
    (r"^CREATE TABLE \w+_CORPORA", "corpora: generation, embedding model, dimensions", OURS),
    (r"^CREATE TABLE \w+_DOCUMENTS", "document versions with their canonical text", OURS),
    (r"^CREATE TABLE \w+_PASSAGES", "passages with evidence ids and vectors", OURS),
    (r"^CREATE (UNIQUE )?INDEX \w+_(DOCUMENTS|PASSAGES)_IX", "an index for joins and versions", OURS),
    (r"^CREATE SEARCH INDEX", "the text index, synchronised at commit", OURS),
    (r"^CREATE VECTOR INDEX", "the vector index, of the configured kind", OURS),
    (r"^DROP TABLE", "`sixplane db drop`", OURS),
    (r"^CREATE (TABLE|INDEX) IF NOT EXISTS (checkpoint|checkpoints)_?", "the saver's tables", SAVER),
    (r"^CREATE (TABLE|INDEX) IF NOT EXISTS (idx_)?store_", "the store's tables", STORE),
    (r"^INSERT INTO (checkpoint|store)_migrations", "marks a migration of the package as applied", OURS),
    (r"^SELECT MAX\(v\)", "start-up verifies the package's tables", OURS),
    (r"^SELECT c\.name", "names of a tenant's corpora", OURS),
    (r"^SELECT c\.generation.* CASE WHEN EXISTS", "revision, and whether there is anything to search", OURS),
    (r"^SELECT c\.generation.* \(SELECT COUNT\(\*\) FROM \w+ d WHERE", "counts for a report's head", OURS),
    (r"^SELECT c\.generation.* LEFT JOIN", "the manifest, of one moment", OURS),
    (r"^INSERT INTO \w+_CORPORA", "a new corpus", OURS),
    (r"^SELECT c\.dimensions.* FOR UPDATE NOWAIT", "the writer's lock, or at once that it is held", OURS),
    (r"^SELECT d\.text_hash", "is the live version the same?", OURS),
    (r"^SELECT d\.document_id, d\.version_no", "live versions among documents", OURS),
    (r"^UPDATE \w+_DOCUMENTS", "supersedes a version", OURS),
    (r"^DELETE FROM \w+_DOCUMENTS .*text_hash", "makes room for a version that comes back", OURS),
    (r"^DELETE FROM \w+_DOCUMENTS .*superseded = 1", "`corpus prune`", OURS),
    (r"^SELECT COUNT\(\*\) FROM \w+_PASSAGES", "how many passages pruning removes", OURS),
    (r"^INSERT INTO \w+_DOCUMENTS", "document versions, as an array", OURS),
    (r"^INSERT INTO \w+_PASSAGES", "passages, as an array", OURS),
    (r"^UPDATE \w+_CORPORA", "raises the generation, ends the transaction", OURS),
    (r"^SELECT p\.id, SCORE", "keyword search of one corpus", OURS),
    (r"^SELECT n\.id, n\.distance", "vector search with the index, then what is of this corpus", OURS),
    (
        r"^SELECT p\.id, VECTOR_DISTANCE",
        "exact vector search: with a filter, or where the index found too little",
        OURS,
    ),
    (r"^SELECT p\.id, p\.evidence_id.* p\.id IN", "hits as passages", OURS),
    (r"^SELECT p\.id, p\.evidence_id.* p\.evidence_id IN", "passages by evidence id, superseded too", OURS),
    (r"^SELECT p\.id, p\.evidence_id.* d\.document_id IN", "passages of documents", OURS),
    (r"^SELECT p\.id, p\.evidence_id.* o\.evidence_id = ", "neighbours of a passage", OURS),
    (r"^SELECT d\.text FROM", "canonical text, for verification", OURS),
    (r"^SELECT d\.source", "one version, to copy it", OURS),
    (r"^SELECT p\.evidence_id, p\.start_at", "its passages and vectors, to copy them", OURS),
    (r"^SELECT VECTOR_EMBEDDING", "embeds a batch by the model in the database", OURS),
    (r"^MERGE INTO checkpoints ", "puts a checkpoint", SAVER),
    (r"^MERGE INTO checkpoint_blobs ", "puts channel values, as an array", SAVER),
    (r"^MERGE INTO checkpoint_writes ", "puts what a task wrote, as an array", SAVER),
    (r"^SELECT thread_id, checkpoint, checkpoint_ns", "reads or lists checkpoints", SAVER),
    (r"^SELECT thread_id, checkpoint_ns, channel", "reads channel values", SAVER),
    (r"^SELECT thread_id, checkpoint_ns, checkpoint_id, task_id", "reads what tasks wrote", SAVER),
    (r"^SELECT checkpoint_id, type, blob", "reads sends of old checkpoints", SAVER),
    (r"^DELETE FROM checkpoint\w* WHERE thread_id = :1", "deletes a thread", SAVER),
    (r"^SELECT checkpoint_ns, MAX", "pruning: the latest of each namespace", OURS),
    (r"^DELETE FROM checkpoint\w* .*< :latest", "pruning: what is older", OURS),
    (r"^SELECT checkpoint_ns, channel, version", "pruning: which values there are", OURS),
    (r"^SELECT checkpoint_ns, checkpoint FROM", "pruning: which values are named", OURS),
    (r"^DELETE FROM checkpoint_blobs .*:channel", "pruning: values that nothing names", OURS),
    (r"^SELECT thread_id, checkpoint_ns, checkpoint_id FROM", "deletion by run: its checkpoints", OURS),
    (r"^DELETE FROM checkpoint\w* .*checkpoint_id = :id", "deletion by run", OURS),
    (r"^MERGE INTO store_", "puts a value; the time to live is a bind", ADAPTED),
    (r"^UPDATE store_", "reading prolongs a time to live", ADAPTED),
    (r"^SELECT key, value", "reads values that have not expired", ADAPTED),
    (r"^SELECT st\.prefix", "searches one namespace and those below", ADAPTED),
    (r"^SELECT DISTINCT prefix", "lists namespaces", OURS),
    (r"^DELETE FROM store_", "deletes a value", STORE),
    (r"^CREATE TABLE ledger_", "the ledger: calls, scopes, limits, memo, alerts", DIALECT),
    (r"^CREATE INDEX ledger_", "an index for the ledger's questions", DIALECT),
    (r"^CREATE TABLE threads", "the threads", DIALECT),
    (r"^CREATE TABLE api_keys", "the API keys, hashed", DIALECT),
    (r"^SELECT ledger_memo", "the memoised answer of a call", DIALECT),
    (r"^INSERT INTO ledger_memo", "memoises an answer", DIALECT),
    (r"^DELETE FROM ledger_memo", "forgets a run's memo", DIALECT),
    (r"^SELECT ledger_scopes\.scope FROM", "is the scope there?", DIALECT),
    (r"^SAVEPOINT", "a scope that another process makes at once costs no transaction", DIALECT),
    (r"^INSERT INTO ledger_scopes", "makes a scope: a run, a tenant, a month", DIALECT),
    (r"^SELECT ledger_limits", "the limit that was set for a tenant", DIALECT),
    (r"^DELETE FROM ledger_limits", "takes a tenant's limit away", DIALECT),
    (r"^INSERT INTO ledger_limits", "sets a tenant's limit", DIALECT),
    (r"^SELECT ledger_calls\.id", "calls that died: of this key, or beyond their lease", DIALECT),
    (r"^SELECT ledger_scopes.* FOR UPDATE", "the scopes of a call, locked in one order", DIALECT),
    (r"^SELECT ledger_scopes.* ledger_scopes\.hard_limit > ", "scopes that crossed a threshold", DIALECT),
    (r"^SELECT ledger_scopes.* IN \(:scope_1_1, :scope_1_2\)$", "a tenant's budget", DIALECT),
    (r"^UPDATE ledger_scopes SET spent", "reserves, or charges what was reserved", DIALECT),
    (r"^UPDATE ledger_scopes SET alerted", "marks a threshold as recorded", DIALECT),
    (r"^UPDATE ledger_scopes SET hard_limit", "gives a scope another limit; its thresholds count anew", DIALECT),
    (r"^INSERT INTO ledger_calls", "a call that is about to be made", DIALECT),
    (r"^UPDATE ledger_calls", "settles a call", DIALECT),
    (r"^INSERT INTO ledger_alerts", "an alert, in the transaction that crossed the threshold", DIALECT),
    (r"^SELECT ledger_alerts.* FOR UPDATE", "alerts to be published", DIALECT),
    (r"^SELECT ledger_alerts.* ORDER BY ledger_alerts\.created_at, ", "alerts on record", DIALECT),
    (r"^UPDATE ledger_alerts SET claimed", "claims alerts", DIALECT),
    (r"^UPDATE ledger_alerts SET published", "marks an alert as published", DIALECT),
    (r"^SELECT min\(ledger_alerts", "when an alert is free again", DIALECT),
    (r"^SELECT count\(\*\) AS count_1, sum\(ledger_calls", "what a run used", DIALECT),
    (r"^SELECT ledger_calls\.state, sum", "characters of a tenant's calls", DIALECT),
    (r"^SELECT count\(\*\) AS count_1 FROM ledger_scopes", "is the soft share of a limit spent?", DIALECT),
    (r"^SELECT threads.* FROM threads WHERE threads\.tenant = :tenant_1 ORDER BY", "a tenant's threads", DIALECT),
    (r"^SELECT threads.* threads\.run_id = ", "the thread of a run", DIALECT),
    (r"^SELECT threads.* threads\.thread_id = ", "one thread", DIALECT),
    (r"^INSERT INTO threads", "a new thread, with its lease", DIALECT),
    (r"^UPDATE threads SET run_id", "a new run on a thread, with its lease", DIALECT),
    (r"^UPDATE threads SET lease_owner.*lease_owner = ", "renews a lease that is held", DIALECT),
    (r"^UPDATE threads SET lease_owner(?!.*lease_owner = )", "takes a lease", DIALECT),
    (r"^UPDATE threads SET status", "how a run ended; gives its lease back", DIALECT),
    (r"^DELETE FROM threads", "deletes a thread", DIALECT),
    (r"^INSERT INTO api_keys", "a new key, hashed", DIALECT),
    (r"^SELECT api_keys.* api_keys\.key_id = ", "the key that a caller shows", DIALECT),
    (r"^SELECT api_keys.* ORDER BY", "`keys list`", DIALECT),
    (r"^UPDATE api_keys", "revokes a key", DIALECT),
    (r"^SELECT privilege FROM session_privs", "`doctor`: privileges", OURS),
    (r"^SELECT COUNT\(\*\) FROM all_objects", "`doctor`: Oracle Text", OURS),
    (r"^SELECT value FROM v\$parameter", "`doctor`: vector memory", OURS),
    (r"^SELECT MIN\(c\.dimensions\)", "`doctor`: do the embeddings fit the tables?", OURS),
    (r"^(SELECT version_no|INSERT INTO \w+_MIGRATIONS|CREATE TABLE \w+_MIGRATIONS)", "the record of migrations", OURS),
)


_RAN = {
    "statements": "run",
    "saver": "played back",
    "store": "played back",
    **dict.fromkeys(("ledger", "threads", "keys"), "dialect"),
}

logging.getLogger("sqlglot").setLevel(logging.ERROR)  # what it does not understand is told in the table


@dataclass(frozen=True)
class Described:
    """One statement, whitespace folded. `parsed` is how sqlglot's Oracle dialect takes it."""

    section: str
    sql: str
    purpose: str
    owner: str
    parsed: str


def inventory() -> list[Described]:
    """Return every distinct statement of the golden files, in their order.

    Raises:
        LookupError: a statement has no purpose, or more than one.
    """
    found: dict[str, Described] = {}
    for name in ("oracle_corpus.sql.json", "oracle_persistence.sql.json", "oracle_tables.sql.json"):
        for section, statements in json.loads((GOLDEN / name).read_text(encoding="utf-8")).items():
            for each in statements:
                sql = each if isinstance(each, str) else each["sql"]
                found.setdefault(sql, _described(section, sql))
    return list(found.values())


def rewritten(sql: str) -> str:
    """Return `sql` after the documented rewrites."""
    for pattern, replacement, _ in REWRITES:
        sql = re.sub(pattern, replacement, sql)
    return sql


def parses(sql: str) -> bool:
    """Whether sqlglot's Oracle dialect understands all of `sql`."""
    try:
        return type(sqlglot.parse_one(sql, read="oracle")) is not sqlglot.exp.Command
    except SqlglotError:
        return False


def table() -> str:
    """Return the Markdown table: statements of one shape and purpose are one row."""
    rows: dict[tuple[str, ...], int] = {}
    for each in inventory():
        row = (f"`{shape(each.sql)}`", each.purpose, each.owner, _proof(each))
        rows[row] = rows.get(row, 0) + 1
    lines = ["| statement | what for | whose | how proven |", "|---|---|---|---|"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)]) + "\n"


def shape(sql: str) -> str:
    """Return a statement without its lists, at most 110 characters."""
    short = re.sub(r"^(SELECT|MERGE INTO \S+ \S+ USING \( SELECT) .*? FROM ", r"\1 … FROM ", sql)
    short = re.sub(
        r"\([^()]{30,}\)", "(…)", re.sub(r"CREATE TABLE (IF NOT EXISTS )?(\S+) ?\(.*", r"CREATE TABLE \2 (…)", short)
    )
    short = re.sub(r"\b(v = |SELECT )\d+\b", r"\1n", short)
    return short if len(short) <= 110 else f"{short[:109].rstrip()}…"


def _described(section: str, sql: str) -> Described:
    fitting = {(purpose, owner) for pattern, purpose, owner in _PURPOSES if re.search(pattern, sql)}
    if len(fitting) != 1:
        raise LookupError(f"{len(fitting)} purposes fit the statement, describe it in docs/sql_inventory.py: {sql}")
    purpose, owner = fitting.pop()
    parsed = "parsed" if parses(sql) else "rewritten" if parses(rewritten(sql)) else "not parsed"
    return Described(section, sql, purpose, owner, parsed)


def _proof(each: Described) -> str:
    return f"{each.parsed}, {_RAN.get(each.section, 'golden')}"
