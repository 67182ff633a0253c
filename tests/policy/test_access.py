"""Audiences narrow what a caller asks for, and nothing that a caller asks for widens them."""

import json
import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy import sees, visible
from retrieval.filters import compile_where


@pytest.mark.parametrize(
    ("where", "narrowed"),
    [
        ({}, {"audience": {"$in": [None, "a"]}}),
        ({"kind": "x"}, {"kind": "x", "audience": {"$in": [None, "a"]}}),
        ({"audience": "a"}, {"audience": {"$eq": "a", "$in": [None, "a"]}}),
        ({"audience": "b"}, {"audience": {"$eq": "b", "$in": [None, "a"]}}),
        ({"audience": {"$in": ["a", "b"]}}, {"audience": {"$in": ["a"]}}),
        ({"audience": {"$in": ["b"]}}, {"audience": {"$in": []}}),
        ({"audience": {"$in": "b"}}, {"audience": {"$in": [None, "a"]}}),
        ({"audience": {"$ne": "a"}}, {"audience": {"$ne": "a", "$in": [None, "a"]}}),
    ],
)
def test_what_is_asked_is_narrowed_to_the_audiences(where, narrowed):
    before = dict(where)
    assert visible(where, ("a",)) == narrowed
    assert where == before
    assert visible(where, None) == where


names = st.sampled_from(["staff", "board", "Staff", ""])
metadata = st.dictionaries(st.sampled_from(["audience", "kind"]), names | st.none(), max_size=2)


@given(metadata, st.none() | st.lists(names, max_size=3).map(tuple))
def test_a_search_and_a_passage_by_id_apply_one_rule(kept, audiences):
    condition, values = compile_where(visible({}, audiences))
    with sqlite3.connect(":memory:") as database:
        found = database.execute(
            f"SELECT 1 FROM (SELECT ? AS metadata) WHERE {condition}", [json.dumps(kept), *values]
        ).fetchall()
    database.close()
    assert bool(found) == sees(kept, audiences)


def test_only_members_of_its_audience_see_a_passage():
    assert sees({}, ())
    assert sees({"audience": None}, ())
    assert sees({"audience": "a"}, None)
    assert sees({"audience": "a"}, ("b", "a"))
    assert not sees({"audience": "a"}, ())
    assert not sees({"audience": "a"}, ("b",))
