"""The statements of checkpointer and store in Oracle Database, one by one, and an error at each of them.

`python -m tests.graphs.test_oracle_persistence` writes the golden file anew.
"""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest
import sqlglot

from graphs.persistence.oracle_checkpoints import (
    checkpoint_ddl,
    checkpoint_drops,
    open_oracle_checkpointer,
)
from graphs.persistence.oracle_store import open_oracle_store, store_ddl, store_drops
from state.errors import SixplaneError
from tests.doubles.oracle import RecordingPool, Statement
from tests.doubles.oracle.filled import TYPES, filled
from tests.doubles.oracle.persistence import (
    NUMBER,
    ask_saver,
    ask_store,
    plain,
)

GOLDEN = Path(__file__).parents[1] / "golden" / "oracle_persistence.sql.json"
PARTS = {"saver": (open_oracle_checkpointer, (TYPES,), ask_saver), "store": (open_oracle_store, (), ask_store)}


async def issued(pool: RecordingPool, part: str) -> list[Statement]:
    """Issue everything that one of the two can, and return it."""
    opening, more, ask = PARTS[part]
    async with opening(pool, *more) as opened:  # type: ignore[operator]
        await ask(opened)  # type: ignore[operator]
    return pool.statements


async def recorded() -> dict[str, Any]:
    found: dict[str, Any] = {
        "ddl": [*checkpoint_ddl(), *store_ddl()],
        "drops": [*checkpoint_drops(), *store_drops()],
    }
    for part in PARTS:
        statements = await issued(filled(), part)
        found[part] = [{"sql": each.text, "binds": plain(each.binds), "array": each.many} for each in statements]
    return found


async def test_statements_and_binds_are_those_of_the_golden_file() -> None:
    wanted = json.loads(GOLDEN.read_text(encoding="utf-8"))
    assert wanted == json.loads(json.dumps(await recorded()))
    assert len(wanted["saver"]) > 20
    assert len(wanted["store"]) >= 8


@pytest.mark.parametrize("part", PARTS)
async def test_no_value_stands_in_a_statement(pool: RecordingPool, part: str) -> None:
    for statement in await issued(pool, part):
        for piece in ("x'", "DROP", "--", "100%", ":1 {", "{", str(NUMBER)):
            assert piece not in statement.text, statement.text
    assert any("DROP TABLE t" in str(statement.binds) for statement in pool.statements)


@pytest.mark.parametrize("part", PARTS)
async def test_every_bind_has_its_place_and_every_place_its_bind(pool: RecordingPool, part: str) -> None:
    for statement in await issued(pool, part):
        places = set(re.findall(r"(?<![\w']):(\w+)", statement.text))
        for row in statement.binds if statement.many else [statement.binds or {}]:
            names = {str(n) for n in range(1, len(row) + 1)} if isinstance(row, list) else set(row)
            assert names == places, statement.text


@pytest.mark.parametrize("part", PARTS)
async def test_every_statement_is_oracle_s_language(pool: RecordingPool, part: str) -> None:
    for text in {statement.text for statement in await issued(pool, part)}:
        parsed = sqlglot.parse_one(text.replace(":1", ":first"), read="oracle")
        assert not isinstance(parsed, sqlglot.exp.Command), text


def test_what_is_ours_of_the_ddl_is_oracle_s_language() -> None:
    ours = [text for text in (*checkpoint_ddl(), *store_ddl()) if text.startswith("INSERT")]
    for text in (*ours, *checkpoint_drops(), *store_drops()):
        assert not isinstance(sqlglot.parse_one(text.removesuffix(" PURGE"), read="oracle"), sqlglot.exp.Command), text
    assert len(ours) == 12


FAULTS = ["ORA-00060", "ORA-00942", "ORA-01031", "ORA-03113", "ORA-12170", "ORA-00001", "ORA-04031"]


@pytest.mark.parametrize("code", FAULTS)
@pytest.mark.parametrize("part", PARTS)
async def test_a_fault_at_any_statement_is_told_with_its_remedy(part: str, code: str) -> None:
    for number, statement in enumerate(list(await issued(filled(), part))):
        if statement.text.endswith(":key AND ttl_minutes IS NOT NULL"):
            continue  # prolonging what a search found: upstream goes on without, and tells other errors alone
        pool = filled()
        commits = failing_at(pool, number, code)
        with pytest.raises(SixplaneError) as caught:
            await issued(pool, part)
        assert code in caught.value.message
        assert caught.value.hint
        assert pool.commits == commits[0], "nothing is committed after the fault"
        assert pool.held == 0


def failing_at(pool: RecordingPool, number: int, code: str) -> list[int]:
    """Fail the statement of this number; return how many commits there were then, once it failed."""
    commits: list[int] = []
    pool.fail("", code, 0)
    run = pool.script.run

    def counted(statement: Statement) -> Any:
        if len(pool.statements) == number:
            commits.append(pool.commits)
            pool.fail("", code, 2)  # what was lost with its connection is stored once more
        return run(statement)

    pool.script.run = counted  # type: ignore[method-assign]
    return commits


if __name__ == "__main__":
    GOLDEN.write_text(json.dumps(asyncio.run(recorded()), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
