"""Brings a SQLite file of an earlier release up to date: tables, columns and indexes that it lacks."""

from __future__ import annotations

import sqlalchemy as sa


def brought_up_to_date(connection: sa.Connection, metadata: sa.MetaData) -> bool:
    """Create what is missing in a file, and return whether it was a file of an earlier version."""
    before = set(sa.inspect(connection).get_table_names())
    metadata.create_all(connection)
    older = [table for table in metadata.sorted_tables if table.name in before]
    widened = [_add_columns(connection, table) for table in older]
    for table in older:
        for index in table.indexes:  # `create_all` creates the indexes of new tables only
            index.create(connection, checkfirst=True)
    return bool(older) and (any(widened) or len(older) < len(metadata.tables))


def _add_columns(connection: sa.Connection, table: sa.Table) -> bool:
    """Add missing columns, which must therefore be nullable, and return whether there were any."""
    known = {column["name"] for column in sa.inspect(connection).get_columns(table.name)}
    missing = [column for column in table.columns if column.name not in known]
    for column in missing:
        added = sa.schema.CreateColumn(column).compile(dialect=connection.dialect)
        connection.exec_driver_sql(f"ALTER TABLE {table.name} ADD COLUMN {added}")
    return bool(missing)
