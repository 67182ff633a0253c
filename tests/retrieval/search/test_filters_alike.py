"""A filter means the same in the embedded backend, on Oracle Database and as it is documented: generated filters."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.embedded.filters import compile_where
from retrieval.filters import DEEPEST, MOST_TESTS, MOST_VALUES
from retrieval.oracle.filters import compile_where as compile_for_oracle
from state.errors import BadInput
from tests.retrieval.oracle.recording import rewritten, type_of, typed

VALUES: list[Any] = ["", "a", "b", "B", "é", "1", "true", 0, 1, 1.5, -2, 2**70, True, False]
METADATA: list[dict[str, Any]] = [
    {},
    {"x": None},
    {"x": []},
    {"x": ["a"]},
    {"x": {"a": 1}},
    *({"x": value} for value in VALUES),
    {"x": "a", "y": 1},
    {"x": 1, "y": "a"},
]
ROWS = [
    (n, {"metadata": metadata, "title": VALUES[n % 4], "source": f"{n % 3}.txt", "kind": ("prose", "table")[n % 2]})
    for n, metadata in enumerate(METADATA)
]

keys = st.sampled_from(["x", "y", "z"])
texts = st.sampled_from([value for value in VALUES if isinstance(value, str)])
scalars = st.sampled_from([*VALUES, None])
ordered = st.sampled_from([value for value in VALUES if not isinstance(value, bool)])


def conditions_of(values: Any, comparable: Any) -> Any:
    """Return tests on one field."""
    listed = st.lists(values, max_size=3)
    plain = st.one_of(
        st.fixed_dictionaries({}, optional={"$eq": values, "$gt": comparable, "$lte": comparable}).filter(bool),
        st.fixed_dictionaries({}, optional={"$ne": values, "$gte": comparable, "$lt": comparable}).filter(bool),
        st.fixed_dictionaries({}, optional={"$in": listed, "$nin": listed, "$exists": st.booleans()}).filter(bool),
    )
    return st.one_of(values, plain, plain.map(lambda each: {"$not": each}))


simple = st.one_of(
    st.dictionaries(keys, conditions_of(scalars, ordered), min_size=1, max_size=2),
    st.dictionaries(
        st.sampled_from(["$title", "$source", "$kind"]), conditions_of(texts, texts), min_size=1, max_size=2
    ),
)
filters = st.recursive(
    simple,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda each: {"$and": each}),
        st.lists(inner, min_size=1, max_size=3).map(lambda each: {"$or": each}),
        inner.map(lambda each: {"$not": each}),
    ),
    max_leaves=5,
)


def within_depth(where: Any) -> int:
    """Return how many filters stand within each other."""
    if isinstance(where, list):
        return max(map(within_depth, where), default=0)
    if not isinstance(where, dict):
        return 0
    return max((key in ("$and", "$or", "$not")) + within_depth(value) for key, value in where.items())


def matches(row: dict[str, Any], where: dict[str, Any]) -> bool:
    """Return what docs/search.md says, in Python."""
    for key, value in where.items():
        if key == "$not":
            holds = not matches(row, value)
        elif key in ("$and", "$or"):
            holds = (all if key == "$and" else any)(matches(row, each) for each in value)
        else:
            stored = row[key[1:]] if key.startswith("$") else row["metadata"].get(key)
            holds = fits(stored, value if isinstance(value, dict) else {"$eq": value})
        if not holds:
            return False
    return True


def fits(stored: Any, tests: dict[str, Any]) -> bool:
    meanings: dict[str, Any] = {
        "$eq": lambda value: equal(stored, value),
        "$ne": lambda value: not equal(stored, value),
        "$in": lambda value: any(equal(stored, each) for each in value),
        "$nin": lambda value: not any(equal(stored, each) for each in value),
        "$exists": lambda value: (stored is not None) is value,
        "$not": lambda value: not fits(stored, value),
        "$gt": lambda value: alike(stored, value) and stored > value,
        "$gte": lambda value: alike(stored, value) and stored >= value,
        "$lt": lambda value: alike(stored, value) and stored < value,
        "$lte": lambda value: alike(stored, value) and stored <= value,
    }
    return all(meanings[operator](value) for operator, value in tests.items())


def kind_of(value: Any) -> type:
    return float if isinstance(value, int) and not isinstance(value, bool) else type(value)


def alike(stored: Any, value: Any) -> bool:
    return kind_of(stored) is kind_of(value) and not isinstance(stored, list | dict | bool)


def equal(stored: Any, value: Any) -> bool:
    return kind_of(stored) is kind_of(value) and bool(stored == value)


@pytest.fixture(scope="module")
def database() -> Any:
    """Return one table of the rows as SQLite has them, and one as Oracle Database has them: empty text is NULL."""
    connection = sqlite3.connect(":memory:")
    connection.create_function("typed", 3, typed)
    connection.create_function("type_of", 2, type_of)
    connection.execute("CREATE TABLE rows (id, metadata, title, source, kind)")
    stored = [(n, json.dumps(row["metadata"]), row["title"], row["source"], row["kind"]) for n, row in ROWS]
    connection.executemany("INSERT INTO rows VALUES (?, ?, ?, ?, ?)", stored)
    connection.execute(
        "CREATE TABLE emptied AS SELECT id, metadata, nullif(title, '') AS title, source, kind FROM rows"
    )
    yield connection
    connection.close()


def found(database: sqlite3.Connection, table: str, condition: str, binds: Any) -> set[int]:
    joined = f"SELECT p.id FROM (SELECT id, metadata, kind FROM {table}) p JOIN {table} d ON d.id = p.id"
    joined = joined.replace(f"JOIN {table} d", f"JOIN (SELECT id, title, source FROM {table}) d")
    return {row[0] for row in database.execute(f"{joined} WHERE {condition or '1'}", binds)}


@settings(max_examples=100, deadline=None)
@given(where=filters.filter(lambda where: within_depth(where) < DEEPEST))
def test_both_backends_find_what_the_documentation_says(database: sqlite3.Connection, where: dict[str, Any]) -> None:
    wanted = {n for n, row in ROWS if matches(row, where)}
    assert found(database, "rows", *compile_where(where)) == wanted
    condition, binds = compile_for_oracle(where)
    assert not any(bind == "" for bind in binds.values())
    assert found(database, "emptied", rewritten(condition), binds) == wanted


@pytest.mark.parametrize(
    ("where", "told"),
    [
        ({"year": {"$in": 2024}}, "`$in` of `year` takes a list, not a number"),
        ({"year": {"$nin": "x"}}, "`$nin` of `year` takes a list, not text"),
        ({"year": {"$exists": 1}}, "`$exists` of `year` takes true or false, not a number"),
        ({"year": {"$gt": True}}, "`$gt` of `year` takes a number or a text, not true or false"),
        ({"year": {"$lte": None}}, "`$lte` of `year` takes a number or a text, not null"),
        ({"year": {"$gt": [1]}}, "`$gt` of `year` takes texts, numbers, true, false or null, not a list"),
        ({"year": {"$eq": {}}}, "`$eq` of `year` takes texts, numbers, true, false or null, not an empty object"),
        ({"year": {"$eq": float("nan")}}, "`$eq` of `year` takes numbers that JSON knows, not nan"),
        ({"year": {"$not": 3}}, "`$not` of `year` takes an object with operators, not a number"),
        ({"year": {"$like": "x"}}, "'$like' of `year` is not a filter operator"),
        ({"year": {}}, "`year` is compared with nothing"),
        ({"$or": {}}, "`$or` takes a list of filters, not an empty object"),
        ({"$and": []}, "`$and` takes a list of filters, not an empty list"),
        ({"$or": [3]}, "a filter is an object with keys, not a number"),
        ({"$not": {}}, "a filter is an object with keys, not an empty object"),
        ({"$gt": 3}, "`$gt` stands within a key, not beside keys"),
        ({"$kind": 3}, "`$eq` of `$kind` takes texts, not a number"),
        ({"$title": {"$gt": 3}}, "`$gt` of `$title` takes a text, not a number"),
        ({"$id": "x"}, "'$id' is not a metadata key"),
        ({"audience": {"$gt": "x"}}, "'$gt' of `audience` is not a filter operator"),
        ({"audience": 3}, "`$eq` of `audience` takes texts, not a number"),
        ({"year": "x" * 1001}, "a text for `$eq` of `year` has more than 1,000 characters"),
        ({"year": {"$in": list(range(MOST_VALUES + 1))}}, "more than 100 tests or 1,000 values"),
        (
            {"$or": [{"x": {"$in": [*range(600)]}}, {"y": {"$nin": [*range(600)]}}]},
            "more than 100 tests or 1,000 values",
        ),
        ({"$or": [{"x": n} for n in range(MOST_TESTS + 1)]}, "more than 100 tests or 1,000 values"),
        ({"x": {"$in": list(range(270_000))}}, "more than 100 tests or 1,000 values"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_what_is_wrong_is_told_with_its_operator(where: dict[str, Any], told: str) -> None:
    for compiled in (compile_where, compile_for_oracle):
        with pytest.raises(BadInput) as caught:
            compiled(where)
        assert told in caught.value.message
        assert caught.value.hint


def test_filters_within_each_other_are_bounded() -> None:
    where: dict[str, Any] = {"x": 1}
    for _ in range(DEEPEST - 1):
        where = {"$not": where}
    assert compile_where(where)[0].count("NOT") == DEEPEST - 1
    with pytest.raises(BadInput, match="within each other"):
        compile_where({"$not": where})
    deep: dict[str, Any] = {"$eq": 1}
    for _ in range(DEEPEST):
        deep = {"$not": deep}
    with pytest.raises(BadInput, match="within each other"):
        compile_where({"x": deep})
