"""What is compiled into a statement for Oracle Database: filters, text queries, vectors and the table prefix."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.oracle.filters import compile_where
from retrieval.oracle.schema import corpus_ddl
from retrieval.oracle.sql import LIST_SIZES, LONG_TEXT, as_vector, contains_query, placed, similarity
from settings.oracle import OracleSettings
from state.errors import BadInput, SettingsInvalid
from tests.retrieval.oracle.scripted import backend, scripted


@pytest.mark.parametrize(
    "where", [{"a') --": 1}, {'a"b': 1}, {"": 1}, {"a" * 65: 1}, {"a[*]": 1}, {"ü": 1}, {"a\n": 1}, {1: 2}]
)
def test_a_key_of_unknown_characters_is_refused(where: dict[Any, Any]) -> None:
    with pytest.raises(BadInput, match="metadata key"):
        compile_where(where)


@pytest.mark.parametrize(
    "condition", [{"$no": 1}, {"$in": 1}, {"$eq": object()}, {"$gt": float("nan")}, {"$lt": True}, [1]]
)
def test_a_condition_that_is_none_is_refused(condition: Any) -> None:
    with pytest.raises(BadInput):
        compile_where({"key": condition})


@given(st.text())
def test_a_key_never_leaves_its_path(key: str) -> None:
    try:
        text, _ = compile_where({key: 1})
    except BadInput:
        return
    assert re.fullmatch(
        r"""[^:]*JSON_VALUE\(p\.metadata, '\$\."[\w.-]+"\.numberOnly\(\)' RETURNING NUMBER\) IN \(:w0\)\)\)""", text
    )


def test_no_not_follows_another() -> None:
    text, _ = compile_where({"$not": {"key": {"$not": {"$ne": 1}}}})
    assert text.count("NOT (") == text.count("NOT") - text.count("IS NOT NULL") > 2


@given(st.text() | st.text(alphabet="{}\\\"'%_-$?!,;|&~*()[] NOTandABOUT\u00e9"))
def test_a_query_is_words_in_braces_and_nothing_else(query: str) -> None:
    expression = contains_query(query)
    assert re.fullmatch(r"(\{\w+\}( ACCUM \{\w+\})*)?", expression)
    words = re.findall(r"\w+", query.lower())
    assert bool(expression) is bool(words) or len(words[0]) > 990
    assert set(re.findall(r"\{(\w+)\}", expression)) <= set(words)


def test_a_long_query_fits_and_repeats_nothing() -> None:
    assert contains_query("b a b {a}") == "{b} ACCUM {a}"
    long = contains_query(" ".join(f"wörd{n}" for n in range(5000)))
    assert 980 < len(long) <= 1000
    assert long.endswith("}")


def test_no_text_of_a_filter_is_a_long() -> None:
    assert compile_where({"title": "\u00e9" * LONG_TEXT})[1] == {"w0": "\u00e9" * LONG_TEXT}
    with pytest.raises(BadInput, match="more than 1,000 characters"):
        compile_where({"title": "x" * (LONG_TEXT + 1)})


def test_every_value_of_metadata_is_compared_within_its_type() -> None:
    """`type()` names a list as one; the paths of the values alone would find `["x"]` for "x"."""
    text, _ = compile_where({"a": {"$in": ["x", "", 1, True, None]}, "b": {"$gt": 1}, "c": {"$lt": "x"}})
    values = re.findall(r"JSON_VALUE\(p\.metadata, '\$\.\"(\w)\"\.(\w+)Only\(\)'", text)
    assert {field for field, _ in values} == {"a", "b", "c"}
    for field, kind in set(values):
        named = "'number', 'double', 'float'" if kind == "number" else f"'{kind}'"
        guarded = f"""NVL(JSON_VALUE(p.metadata, '$."{field}".type()'), 'null') IN ({named}) AND"""
        assert text.count(guarded) >= 1, (field, kind)


@pytest.mark.parametrize("count", [1, 2, 8, 9, 64, 65, 512])
def test_a_list_has_one_of_four_lengths_and_repeats_its_last_item(count: int) -> None:
    text, binds = placed("p.id IN ({ITEMS})", list(range(count)))
    assert len(binds) == next(each for each in LIST_SIZES if each >= count)
    assert re.findall(r":(\w+)", text) == list(binds)
    assert list(dict.fromkeys(binds.values())) == list(range(count))


def test_distances_become_similarities_in_one_place() -> None:
    assert [similarity(each) for each in (0.0, 0.25, 2.0, None, float("nan"))] == [1.0, 0.75, -1.0, 0.0, 0.0]
    assert list(as_vector([1, 2.5])) == [1.0, 2.5]


@pytest.mark.parametrize("prefix", ['a"b', "OTHER.X", "x; DROP", ""])
def test_a_prefix_that_is_no_identifier_reaches_no_statement(prefix: str) -> None:
    with pytest.raises(SettingsInvalid):
        backend(scripted(), table_prefix=prefix)
    with pytest.raises(SettingsInvalid):
        corpus_ddl(OracleSettings(table_prefix=prefix), 3)
