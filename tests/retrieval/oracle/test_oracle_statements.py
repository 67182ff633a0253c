"""Every statement of the Oracle backend: the golden file, binds and tenancy.

`python -m tests.retrieval.oracle.test_oracle_statements` rewrites the golden file.
"""

from __future__ import annotations

import array
import asyncio
import json
import re
from pathlib import Path
from typing import Any
from unittest.mock import patch

from retrieval import ingesting
from retrieval.oracle import files as oracle_files
from retrieval.oracle import sql as oracle_sql
from retrieval.oracle.schema import (
    builds_ddl,
    builds_drops,
    corpus_ddl,
    corpus_drops,
    files_ddl,
    files_drops,
    hash_key_ddl,
    kind_ddl,
    pending_ddl,
    pending_drops,
    roots_ddl,
    roots_drops,
    writer_ddl,
)
from settings.oracle import OracleSettings
from tests.doubles.oracle import RecordingPool
from tests.retrieval.oracle.scripted import everything, scripted

GOLDEN = Path(__file__).parents[2] / "golden" / "oracle_corpus.sql.json"


def plain(binds: Any) -> Any:
    """Return binds as JSON: vectors as how long they are, the time of ingestion and random values left out."""
    if isinstance(binds, dict):
        named = {"ingested_at": "(now)", "hash_key": "(random)", "fresh": "(random)", "writer": "(random)"}
        return {name: named.get(name, plain(value)) for name, value in binds.items()}
    if isinstance(binds, list):
        return [plain(value) for value in binds]
    return f"(vector of {len(binds)})" if isinstance(binds, array.array) else binds


async def recorded() -> list[dict[str, Any]]:
    pool = scripted()
    with patch.object(ingesting, "_GROUP_SECONDS", 3600):  # which documents are asked for at once is a matter of time
        await everything(pool)
    return [{"sql": each.text, "binds": plain(each.binds), "array": each.many} for each in pool.statements]


async def test_statements_and_binds_are_those_of_the_golden_file() -> None:
    wanted = json.loads(GOLDEN.read_text(encoding="utf-8"))
    assert wanted == {
        "ddl": _ddl(),
        "drops": _drops(),
        "statements": await recorded(),
    }
    texts = {each["sql"] for each in wanted["statements"]}
    named = vars(oracle_sql) | vars(oracle_files)
    constants = [value for name, value in named.items() if name.isupper() and name[0] != "_"]
    heads = {
        value.replace("{P}", "SIXPLANE").replace("{MODEL}", "MINILM")[:40]
        for value in constants
        if isinstance(value, str)
    }
    assert not [head for head in heads if not any(text.startswith(head) for text in texts)]


async def test_no_value_stands_in_a_statement(pool: RecordingPool) -> None:
    await everything(pool)
    for statement in pool.statements:
        for part in ("OR '1'", "]]", "--", ":x", "DROP", "{", "local", "apple", "/*"):
            assert part not in statement.text.replace("'$.", ""), statement.text
    assert any("]] -- :x {P}" in str(statement.binds) for statement in pool.statements)


async def test_every_bind_has_its_place_and_every_place_its_bind(pool: RecordingPool) -> None:
    await everything(pool)
    for statement in pool.statements:
        places = set(re.findall(r"(?<![\w']):(\w+)", statement.text))
        for row in statement.binds if statement.many else [statement.binds or {}]:
            assert set(row) == places, statement.text


async def test_every_statement_but_of_other_tenants_rows_binds_the_tenant(pool: RecordingPool) -> None:
    await everything(pool)
    free = ("INSERT INTO SIXPLANE_PASSAGES", "SELECT VECTOR_EMBEDDING")  # bound by its version; reads no table
    for statement in pool.statements:
        assert ":tenant" in statement.text or statement.text.startswith(free), statement.text


def _ddl() -> list[str]:
    oracle = OracleSettings()
    added = [*hash_key_ddl(oracle), *kind_ddl(oracle), *pending_ddl(oracle, 384), *roots_ddl(oracle)]
    added += [*writer_ddl(oracle), *builds_ddl(oracle), *files_ddl(oracle)]
    return [*corpus_ddl(oracle, 384), *added]


def _drops() -> list[str]:
    oracle = OracleSettings()
    return [
        *files_drops(oracle),
        *builds_drops(oracle),
        *roots_drops(oracle),
        *pending_drops(oracle),
        *corpus_drops(oracle),
    ]


def _regenerate() -> None:
    drops = _drops()
    found = {"ddl": _ddl(), "drops": drops, "statements": asyncio.run(recorded())}
    GOLDEN.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    _regenerate()
