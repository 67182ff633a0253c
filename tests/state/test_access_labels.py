"""The rules of access labels agree in all their forms: in Python, and in a search on SQLite."""

import json
import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.embedded.filters import compile_where
from state.access import labels_of, may_change, may_read, narrowed, stored_labels
from state.errors import BadInput

names = st.sampled_from(["staff", "board", "Staff", "*"])
labels = st.none() | names | st.lists(names, min_size=1, max_size=3) | st.just("") | st.just(7) | st.just([])
held = st.none() | st.lists(names, max_size=3).map(tuple)


def matched(metadata, where, audiences):
    condition, values = compile_where(where, audiences)
    with sqlite3.connect(":memory:") as database:
        found = database.execute(
            f"SELECT 1 FROM (SELECT ? AS metadata) WHERE {condition}", [json.dumps(metadata), *values]
        ).fetchall()
    database.close()
    return bool(found)


@given(labels, held)
def test_a_search_and_a_passage_by_id_apply_one_rule(label, audiences):
    metadata = {"kind": "x"} if label is None else {"kind": "x", "audience": label}
    assert matched(metadata, {}, audiences) == may_read(stored_labels(metadata), audiences)


@given(labels, held, st.dictionaries(st.sampled_from(["$eq", "$ne"]), names | st.none(), min_size=1, max_size=2))
def test_a_filter_narrows_and_never_widens(label, audiences, tests):
    metadata = {} if label is None else {"audience": label}
    if matched(metadata, {"audience": tests}, audiences):
        assert matched(metadata, {}, audiences)
        assert matched(metadata, {"audience": tests}, None)


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ({"audience": "board"}, True),
        ({"audience": "staff"}, True),
        ({"audience": "other"}, False),
        ({"audience": None}, False),
        ({"audience": {"$in": ["other", "board"]}}, True),
        ({"audience": {"$in": ["other", None]}}, False),
        ({"audience": {"$in": []}}, False),
        ({"audience": {"$ne": "board"}}, False),
        ({"audience": {"$ne": "other"}}, True),
        ({"audience": {"$ne": None}}, True),
    ],
)
def test_a_filter_on_the_label_looks_at_each_audience(where, found):
    assert matched({"audience": ["board", "staff"]}, where, None) is found
    assert matched({"audience": ["board", "staff"]}, where, ("staff",)) is found
    assert not matched({"audience": ["board", "staff"]}, where, ("other",))


@pytest.mark.parametrize("tests", [{"$gt": "a"}, {"$eq": 5}, {"$in": "staff"}, {"$in": [5]}, {"$eq": ["staff"]}])
def test_a_label_is_compared_with_names_only(tests):
    with pytest.raises(BadInput) as caught:
        compile_where({"audience": tests})
    assert caught.value.hint


def test_reading_needs_one_audience_and_changing_needs_all():
    both = labels_of(["b", "a", "a"])
    assert both == ("a", "b")
    assert [may_read(both, each) for each in (None, (), ("a",), ("c",))] == [True, False, True, False]
    assert [may_change(both, each) for each in (None, (), ("a",), ("b", "a"))] == [True, False, False, True]
    assert may_read((), ())
    assert may_change((), ())
    assert (labels_of(None), labels_of("*"), labels_of(["*", "*"])) == (None, (), ())
    assert narrowed(["a", "", " b", "a"]) == ("a",)


def test_a_stored_label_that_is_not_understood_is_held_by_nobody():
    for stored in ("", 5, [], ["a", 5], {"a": "a"}):
        found = stored_labels({"audience": stored})
        assert not may_read(found, ("a", "", "5"))
        assert not may_change(found, ("a", "", "5"))
        assert may_read(found, None)
