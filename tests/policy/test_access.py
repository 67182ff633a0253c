"""Audiences narrow what a caller asks for, and nothing that a caller asks for widens them."""

import pytest

from policy import visible


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
