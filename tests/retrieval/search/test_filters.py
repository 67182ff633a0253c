"""A `where` filter as SQL: every value is bound, and what is not allowed is refused."""

import json
import sqlite3

import pytest

from retrieval.embedded.filters import compile_where
from retrieval.filters import bindable
from retrieval.oracle.filters import compile_where as compile_for_oracle
from state.errors import BadInput
from tests.conformance.test_corpus import DESCRIBED, FILTERS


@pytest.mark.parametrize(("where", "wanted"), FILTERS, ids=range(len(FILTERS)))
def test_a_filter_finds_what_it_finds_in_a_corpus(where, wanted):
    condition, binds = compile_where(where)
    with sqlite3.connect(":memory:") as database:
        database.execute("CREATE TABLE p (id TEXT, metadata TEXT, kind TEXT)")
        database.execute("CREATE TABLE d (title TEXT, source TEXT)")
        rows = [(name, json.dumps(metadata), "prose") for name, metadata in DESCRIBED.items()]
        database.executemany("INSERT INTO p VALUES (?, ?, ?)", rows)
        database.executemany("INSERT INTO d VALUES (?, ?)", [(name, f"{name}.txt") for name in DESCRIBED])
        joined = f"SELECT id FROM p JOIN d ON d.title = p.id WHERE {condition} ORDER BY id"
        found = database.execute(joined, binds).fetchall()
    database.close()
    assert "".join(name for (name,) in found) == wanted
    assert condition.count("?") == len(binds)


def test_no_filter_lets_everything_pass():
    assert compile_where({}) == ("1", [])


def test_values_are_bound_and_never_part_of_the_statement():
    condition, binds = compile_where({"kind": {"$in": ["x') OR 1=1 --", None]}, "n": "y' --"})
    assert "x'" not in condition + "".join(str(bind) for bind in binds if str(bind).startswith("$"))
    assert binds == [*['$."kind"'] * 3, '["x\') OR 1=1 --"]', *['$."n"'] * 2, '["y\' --"]']


@pytest.mark.parametrize("key", ["", "1a", "a b", "a') --", 'a"', "a" * 65, 1, None])
def test_a_key_is_a_name(key):
    with pytest.raises(BadInput, match="not a metadata key"):
        compile_where({key: 1})


@pytest.mark.parametrize("key", ["a", "_a", "a.b-c_9", "a" * 64])
def test_a_name_is_a_key(key):
    assert compile_where({key: 1})[1] == [*[f'$."{key}"'] * 2, "[1]"]


@pytest.mark.parametrize(
    "condition",
    [{"$no": 1}, {"$in": "abc"}, {"$in": 1}, {"$in": [[1]]}, {"$in": [{}]}, [1], b"x", {"$eq": [1]}, {"$EQ": 1}],
    ids=repr,
)
def test_other_operators_and_values_are_refused(condition):
    with pytest.raises(BadInput):
        compile_where({"a": condition})


@pytest.mark.parametrize(
    ("value", "bound"),
    [
        (2**63 - 1, 2**63 - 1),
        (-(2**63 - 1), -(2**63 - 1)),
        (2**63, float(2**63)),
        (-(2**63), -float(2**63)),
    ],
)
def test_an_integer_beyond_64_bits_is_bound_as_the_nearest_float(value, bound):
    assert bindable(value) == bound
    assert type(bindable(value)) is type(bound)


def test_an_integer_beyond_every_float_is_refused():
    with pytest.raises(BadInput, match="too large"):
        bindable(10**400)


@pytest.mark.parametrize("compiled", [compile_where, compile_for_oracle])
@pytest.mark.parametrize(
    "where",
    [
        {f"key{n}": n for n in range(101)},
        {"a": {"$in": list(range(600))}, "b": {"$in": list(range(600))}},
        {"audience": {"$in": [str(n) for n in range(1001)]}},
        {"a": "\ud800"},
        {"a": {"$in": ["\udfff"]}},
        {"audience": "\ud800"},
    ],
    ids=["keys", "values", "audiences", "surrogate", "surrogate in a list", "surrogate in a label"],
)
def test_a_filter_that_no_database_takes_is_refused(compiled, where):
    with pytest.raises(BadInput):
        compiled(where)
