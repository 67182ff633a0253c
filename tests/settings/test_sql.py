"""A table of an earlier version gets the columns that it lacks."""

import sqlite3

import pytest
import sqlalchemy as sa

from settings import Settings
from settings.connections.sql import Database
from state.errors import DependencyUnavailable


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


def losing(tmp_path, at):
    """Return a database with one table, whose connection is lost at each time in `at` that something is done on it."""
    things = table().tables["things"]
    engine = sa.create_engine(f"sqlite:///{tmp_path}/t.db", poolclass=sa.pool.QueuePool, pool_size=1)
    database = Database(Settings(home=tmp_path), "t.db", things.metadata, engine=engine)
    database.read(lambda _: None)
    done = []

    def lose(*_):
        done.append(1)
        if len(done) in at:
            raise sqlite3.OperationalError("gone")

    engine.dialect.is_disconnect = lambda error, *_: str(error) == "gone"
    sa.event.listen(engine, "do_execute", lose)
    engine.dialect.do_commit, commit = lambda raw: (lose(), commit(raw)), engine.dialect.do_commit
    return database, things, done


def test_what_finds_its_idle_connection_closed_goes_on_with_a_new_one(tmp_path):
    database, things, done = losing(tmp_path, {1, 4})
    database.write(lambda connection: connection.execute(things.insert().values(name="a")))
    assert database.read(lambda connection: connection.execute(sa.select(things)).all()) == [("a",)]
    assert len(done) == 5  # the lost one, the one after it and its COMMIT; the lost one, and the one after it


@pytest.mark.parametrize(("at", "attempts"), [({1, 2, 3}, 2), ({2}, 2)], ids=["lost again", "lost in its COMMIT"])
def test_a_connection_that_is_lost_again_or_in_its_commit_is_told(tmp_path, at, attempts):
    database, things, done = losing(tmp_path, at)
    with pytest.raises(DependencyUnavailable):
        database.write(lambda connection: connection.execute(things.insert().values(name="a")))
    assert len(done) == attempts
