"""Inserts rows unless they exist, in one statement and without an error that would end the transaction."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles


class InsertNew(sa.Insert):
    """`INSERT` of rows that leaves alone those whose primary key exists.

    A row that another transaction is inserting is waited for. In Oracle Database the hint is what its manual calls one
    with a semantic effect (SQL Language Reference, IGNORE_ROW_ON_DUPKEY_INDEX): a duplicate is passed over there.
    """

    inherit_cache = True


@compiles(InsertNew)
def _on_conflict(statement: InsertNew, compiler: Any, **options: Any) -> str:
    return f"{compiler.visit_insert(statement, **options)} ON CONFLICT DO NOTHING"


@compiles(InsertNew, "oracle")
def _hinted(statement: InsertNew, compiler: Any, **options: Any) -> str:
    table: Any = statement.table
    keys = ", ".join(column.name for column in table.primary_key)
    hint = f"/*+ IGNORE_ROW_ON_DUPKEY_INDEX({table.name} ({keys})) */"
    return str(compiler.visit_insert(statement.prefix_with(hint), **options))
