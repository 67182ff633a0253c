"""The golden files of SQL: no value stands in a statement, all of ours is Oracle's language, the table is theirs."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from docs import generate, sql_inventory
from docs.sql_inventory import REWRITES, Described, inventory, parses, rewritten, shape, table
from tests.doubles.oracle.language import faults
from tests.doubles.oracle.tables import tables_of

STATEMENTS = inventory()
TABLES = tables_of(each.sql for each in STATEMENTS if each.sql.startswith(("CREATE TABLE", "ALTER TABLE")))
ASKED = [each for each in STATEMENTS if each.section not in ("ddl", "drops")]
TEXTS = {
    r"\$\[\*\]|\$|\$\[0\]": "paths of a list and of its first item",
    r"\$\.(rowid|text_score)": "paths of what DBMS_HYBRID_VECTOR.SEARCH returns",
    r'\$\."(kind|n|gone|flag)"(\.(string|number|boolean)Only\(\)|\.type\(\)|\?\(@ == ""\))': "a key, checked",
    r"null|string|number|boolean|double|float": "types of JSON",
    r'\$\."audience"(\[\*\]\?\(@\.stringOnly\(\) == \$label\))?': "the access label",
    r"\$\.(source|step|of_config|run_id|kind|n)": "a key, checked by the package",
    r"1970-01-01": "what times are counted from",
    r"%|/": "a pattern around a bind, and its escape",
    r"USERENV|CURRENT_SCHEMA|CLOUD_SERVICE|FULL": "constants of packages",
    r"late": "marks the row that tells of abandoned calls",
    r"__pregel_tasks|MINUTE|SECOND|!|CTXSYS|CTX_DDL|vector_memory_size|langchain|vector_store": "constants",
}
IGNORING = r"/\*\+ IGNORE_ROW_ON_DUPKEY_INDEX\(\w+ \([\w, ]+\)\) \*/"
"""The hint that a duplicate is passed over: it changes what a statement does."""

NUMBERS = {
    "0": "flags and comparisons",
    "1": "flags and comparisons",
    "3": "a limit that `OracleCheckpointer.alist` takes as a whole number alone",
    "5": "VARCHAR2(5)",
    "9": "NUMBER(9)",
    "18": "NUMBER(18)",
    "100": "VARCHAR2(100)",
    "10": "the nearest passages that `doctor --deep` compares",
    "20": "the stored vectors that it asks with",
    "30": "seconds that a writer waits for the row of its corpus",
    "51": "a page of threads and one more",
    "500": "the runs of a thread that are listed",
    "95": "the target accuracy of the settings, a whole number",
    "1000": "VARCHAR2(1000)",
    "86400": "the seconds of a day",
    "4000": "VARCHAR2(4000)",
}


@pytest.mark.parametrize("statement", ASKED, ids=lambda each: shape(each.sql))
def test_a_statement_holds_constants_and_no_value(statement: Described) -> None:
    texts = re.findall(r"'([^']*)'", statement.sql)
    assert [text for text in texts if not any(re.fullmatch(known, text) for known in TEXTS)] == []
    call = re.sub(r"^BEGIN (.*); END;$", r"\1", statement.sql)
    call = re.sub(IGNORING, "", call)
    bare = re.sub(r"'[^']*'|:\w+|\b[A-Za-z]\w*", "", call)
    assert set(re.findall(r"\d+(?:\.\d+)?", bare)) <= set(NUMBERS)
    assert "--" not in bare
    assert "/*" not in bare
    assert ";" not in bare


@pytest.mark.parametrize("statement", STATEMENTS, ids=lambda each: shape(each.sql))
def test_every_statement_is_oracle_s_language(statement: Described) -> None:
    """Words, names, types and rules, by lists from Oracle's documentation: `tests/doubles/oracle/language.py`."""
    assert faults(statement.sql, TABLES) == []


def test_nothing_of_upstream_s_is_beyond_the_parser_either() -> None:
    assert [each.sql for each in STATEMENTS if each.parsed == "not parsed"] == []
    assert sum(each.parsed == "parsed" for each in STATEMENTS) > len(STATEMENTS) / 2


@pytest.mark.parametrize("left_out", REWRITES, ids=lambda each: each[2])
def test_every_rewrite_is_needed(left_out: tuple[str, str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql_inventory, "REWRITES", [each for each in REWRITES if each is not left_out])
    assert not all(parses(rewritten(each.sql)) for each in STATEMENTS)


def test_a_statement_without_a_purpose_or_with_two_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql_inventory, "GOLDEN", tmp_path)
    for name in ("persistence", "tables"):
        (tmp_path / f"oracle_{name}.sql.json").write_text("{}")
    (tmp_path / "oracle_corpus.sql.json").write_text('{"statements": [{"sql": "SELECT secret FROM elsewhere"}]}')
    with pytest.raises(LookupError, match=r"0 purposes.*elsewhere"):
        inventory()


def test_the_document_shows_the_table_and_a_change_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (generate.ROOT / "docs/oracle.md").read_text(encoding="utf-8")
    assert table() in text
    shutil.copytree(generate.ROOT / "docs", tmp_path / "docs")
    (tmp_path / "docs/oracle.md").write_text(text.replace("| `SELECT", "| `SELEKT", 1), encoding="utf-8")
    monkeypatch.setattr(generate, "ROOT", tmp_path)
    monkeypatch.setattr(generate, "PARTS", [part for part in generate.PARTS if part.file == "docs/oracle.md"])
    monkeypatch.setattr("sys.argv", ["generate", "--check"])
    assert generate.main() == 1
    monkeypatch.setattr("sys.argv", ["generate"])
    assert generate.main() == 0
    assert (tmp_path / "docs/oracle.md").read_text(encoding="utf-8") == text
