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


def test_a_reader_waits_for_no_writer_and_sees_one_moment(tmp_path):
    things = table().tables["things"]
    database = Database(Settings(home=tmp_path), "t.db", things.metadata)
    with database.transaction() as connection:
        connection.execute(things.insert().values(name="a"))
    with database.reading() as reader:
        assert reader.execute(sa.select(things)).all() == [("a",)]
        with database.transaction() as writer:
            writer.execute(things.insert().values(name="b"))
            with database.reading() as beside:  # the write lock is held
                assert beside.execute(sa.select(things)).all() == [("a",)]
        assert reader.execute(sa.select(things)).all() == [("a",)]
    with database.reading() as after:
        assert after.execute(sa.select(sa.func.count()).select_from(things)).scalar() == 2
    database.close()


def test_who_reads_after_another_has_written_may_write_again(tmp_path):
    things = table().tables["things"]
    database = Database(Settings(home=tmp_path), "t.db", things.metadata)
    for name in "abc":  # one connection of the pool serves both kinds
        with database.reading() as connection:
            connection.execute(sa.select(things)).all()
        with database.transaction() as connection:
            connection.execute(things.insert().values(name=name))
    database.close()
