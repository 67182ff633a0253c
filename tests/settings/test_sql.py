"""A table of an earlier version gets the columns that it lacks."""

import sqlalchemy as sa

from settings import Settings
from settings.connections.sql import Database


def table(*columns):
    metadata = sa.MetaData()
    sa.Table("things", metadata, sa.Column("name", sa.String(8), primary_key=True), *columns)
    return metadata


def test_a_column_that_came_later_is_added_and_what_was_there_stays(tmp_path):
    before, after = table(), table(sa.Column("owner", sa.String(8)))
    settings = Settings(home=tmp_path)
    with (database := Database(settings, "t.db", before)).transaction() as connection:
        connection.execute(before.tables["things"].insert().values(name="a"))
    database.close()
    for _ in range(2):
        with (database := Database(settings, "t.db", after)).transaction() as connection:
            assert connection.execute(sa.select(after.tables["things"])).all() == [("a", None)]
        database.close()
