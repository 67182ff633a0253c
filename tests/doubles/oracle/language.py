"""A check of statements for Oracle Database that is stricter than sqlglot's parser: words, names, types, and rules.

`faults` returns what the database would refuse, with the code of its error where it has one. A statement without faults
may still be wrong: the lists know words, not every place where a word may stand.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain, pairwise

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from docs.sql_inventory import rewritten
from tests.doubles.oracle.tables import Column, Tables, Token, closing, columns_of, parts, tokens
from tests.doubles.oracle.words import DICTIONARY, FUNCTIONS, KEYWORDS, PACKAGES, PSEUDO, RESERVED, TYPES

LONGEST_NAME = 128
"""Bytes of an identifier (*SQL Language Reference*, "Database Object Naming Rules")."""

LONGEST_LITERAL = 4000
"""Bytes of a text in a statement with `MAX_STRING_SIZE=STANDARD` (ORA-01704)."""

_BLOCK = re.compile(r"(BEGIN|DECLARE)\b", re.IGNORECASE)
_ADMINISTRATION = re.compile(
    r"(GRANT|REVOKE|SAVEPOINT|ALTER (SESSION|USER|INDEX)|CREATE (SYNONYM|USER|ROLE))\b", re.IGNORECASE
)
_COMPARED = (exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.In, exp.Between)


def faults(sql: str, known: Tables) -> list[str]:
    """Return what is wrong with a statement on the tables `known`."""
    read = tokens(sql)
    found = [f"{token.text!r} is no part of SQL" for token in read if token.kind == "other"]
    found += [
        f"a text of over {LONGEST_LITERAL} bytes (ORA-01704)"
        for token in read
        if token.kind == "text" and len(token.text[1:-1].encode()) > LONGEST_LITERAL
    ]
    if _BLOCK.match(sql):
        return found + list(_words(read, _declared(read), known))
    if re.search(r";\s*$|--|/\*(?!\+)", re.sub(r"'[^']*'", "''", sql)):
        found.append("a semicolon or a comment (ORA-00933)")
    if _ADMINISTRATION.match(sql):
        return found  # names of users, roles and privileges; sqlglot does not parse them
    try:
        tree = sqlglot.parse_one(rewritten(sql), read="oracle")
    except (SqlglotError, RecursionError) as error:
        return [*found, f"sqlglot cannot parse it: {str(error).splitlines()[0]}"]
    if isinstance(tree, exp.Command):
        return [*found, "sqlglot cannot parse it"]
    checks = (_words(read, _named(tree), known), _calls(read), _types(sql, read), _names(tree, sql, read))
    return [*found, *chain(*checks, _columns(tree, known), _rules(tree, known))]


def _named(tree: exp.Expression) -> set[str]:
    """Return the names that the statement gives: aliases, and what a definition defines."""
    names: set[str] = set()
    for node in tree.find_all(exp.TableAlias, exp.Alias, exp.CTE, exp.JSONColumnDef):
        names.add((node.alias or node.name).upper())
        names.update(each.name.upper() for each in node.args.get("columns") or ())
    if isinstance(tree, exp.Create | exp.Alter | exp.Drop) or tree.key == "command":
        names.update(node.name.upper() for node in tree.find_all(exp.Identifier))
    names.update(node.name.upper() for node in tree.find_all(exp.Table))  # `_columns` checks that it exists
    return names


def _declared(read: list[Token]) -> set[str]:
    """Return the variables of a block: the words before a type, `:=` or `IN`."""
    following = {*TYPES, "IN", "CONSTANT"}
    return {
        one.upper for one, two in pairwise(read) if one.kind == "word" and (two.upper in following or two.text == ":=")
    }


def _words(read: list[Token], named: set[str], known: Tables) -> Iterator[str]:
    columns = {name for table in (*known.values(), *DICTIONARY.values()) for name in table}
    models = {read[n + 2].upper for n, token in enumerate(read[:-2]) if token.upper == "VECTOR_EMBEDDING"}
    allowed = KEYWORDS | TYPES | PSEUDO | PACKAGES | named | columns | models | set(known) | set(DICTIONARY)
    for n, token in enumerate(read):
        called = n + 1 < len(read) and read[n + 1].text == "(" and token.upper in FUNCTIONS
        packaged = n > 1 and read[n - 1].text == "." and read[n - 2].upper in PACKAGES
        if token.kind == "word" and not called and not packaged and token.upper not in allowed:
            yield f"{token.text} is neither a word of Oracle's nor a name"


def _calls(read: list[Token]) -> Iterator[str]:
    """Check names and numbers of arguments of the functions called."""
    for n, token in enumerate(read[:-1]):
        if token.kind != "word" or read[n + 1].text != "(" or token.upper not in FUNCTIONS:
            continue
        if n and read[n - 1].upper in ("INTO", "TABLE", "ON"):
            continue  # a table or an index that is named like a function
        least, most = FUNCTIONS[token.upper]
        count = len(list(parts(read[n + 2 : closing(read, n + 1)])))
        if count < least or (most is not None and count > most):
            yield f"{token.text} does not take {count} arguments (ORA-00909)"


def _types(sql: str, read: list[Token]) -> Iterator[str]:
    """Check the types of columns, of CAST, and after RETURNING."""
    try:
        columns_of(sql)
    except ValueError as error:
        yield str(error)
    for n, token in enumerate(read):
        asked = None
        if token.upper == "CAST" and read[n + 1].text == "(":
            inner = read[n + 2 : closing(read, n + 1)]
            depths = [sum({"(": 1, ")": -1}.get(each.text, 0) for each in inner[:m]) for m in range(len(inner))]
            marks = [m for m, each in enumerate(inner) if each.upper == "AS" and not depths[m]]
            asked = inner[marks[-1] + 1] if marks else None
        elif token.upper == "RETURNING" and n + 1 < len(read) and read[n + 1].kind == "word":
            asked = read[n + 1]
        if asked is not None and asked.upper not in TYPES:
            yield f"{asked.text} is none of Oracle's types (ORA-00902)"


def _names(tree: exp.Expression, sql: str, read: list[Token]) -> Iterator[str]:
    for name in {node.name for node in tree.find_all(exp.Identifier) if not node.quoted}:
        if len(name.encode()) > LONGEST_NAME:
            yield f"{name[:20]}… has over {LONGEST_NAME} bytes (ORA-00972)"
        if name.upper() in RESERVED - PSEUDO:
            yield f"{name} is reserved (ORA-00904)"
    for node in tree.find_all(exp.Alias, exp.TableAlias, exp.ColumnDef):
        if (node.alias_or_name or node.name).upper() in RESERVED & PSEUDO:
            yield f"{node.alias_or_name} is reserved (ORA-00923)"
    for token in read:
        if token.kind == "bind" and token.upper[1:] in RESERVED:
            yield f"{token.text} is reserved and names no bind (ORA-01745)"
    for alias in {node.name for node in tree.find_all(exp.TableAlias) if node.name}:
        if re.search(rf"\bAS\s+{re.escape(alias)}\b(?!\s*\()", _without_select_lists(sql), re.IGNORECASE):
            yield f"AS before the alias {alias} of a table (ORA-00933)"


def _without_select_lists(sql: str) -> str:
    """Return `sql` without what stands between SELECT and FROM, where AS is allowed."""
    return re.sub(r"\bSELECT\b(?:(?!\bSELECT\b|\bFROM\b).)*", "", sql, flags=re.IGNORECASE | re.DOTALL)


def _tables(tree: exp.Expression) -> dict[str, str]:
    """Return the tables by alias, or by their name if they have none."""
    return {(node.alias or node.name).upper(): node.name.upper() for node in tree.find_all(exp.Table)}


def _columns(tree: exp.Expression, known: Tables) -> Iterator[str]:
    """Check that tables exist, and columns in them."""
    if isinstance(tree, exp.Create | exp.Drop):
        return
    named = {node.alias_or_name.upper() for node in tree.find_all(exp.CTE, exp.Subquery)}
    used = _tables(tree)
    contents = {**DICTIONARY, **known}
    for name in used.values():
        if name and name not in contents and name not in named:
            yield f"the table {name} does not exist (ORA-00942)"
    free = {node.alias.upper() for node in tree.find_all(exp.Alias, exp.TableAlias)} | PSEUDO
    free |= {node.name.upper() for node in tree.find_all(exp.JSONColumnDef)}
    every = {column for name in used.values() for column in contents.get(name, ())} | free
    for node in tree.find_all(exp.Column):
        name, table = node.name.upper(), used.get(node.table.upper(), "")
        function = node.parent.name.upper() if isinstance(node.parent, exp.Anonymous) else ""
        if isinstance(node.this, exp.Star) or function == "VECTOR_EMBEDDING" or (function and name in KEYWORDS):
            continue  # a model, or the metric of VECTOR_DISTANCE
        if name not in contents.get(table, every) and name not in PSEUDO:
            yield f"the column {node.sql()} does not exist (ORA-00904)"


def _rules(tree: exp.Expression, known: Tables) -> Iterator[str]:
    """Check what the syntax allows and the database refuses, or never finds true."""
    for node in tree.find_all(exp.Boolean):
        yield f"{node.sql().upper()}: no column is BOOLEAN"
    if tree.find(exp.Limit):
        yield "LIMIT is not Oracle's: FETCH FIRST … ROWS ONLY (ORA-00933)"
    for select in tree.find_all(exp.Select):
        if select.args.get("locks") and (
            select.args.get("limit")
            or select.args.get("distinct")
            or select.args.get("group")
            or any(isinstance(each.unalias(), exp.AggFunc) for each in select.expressions)
        ):
            yield "FOR UPDATE with a row limit, DISTINCT, GROUP BY or an aggregate (ORA-02014)"
    used = _tables(tree)
    for column, kind in _ranked(tree):
        found = _resolved(column, used, known)
        if found is not None and found.large:
            yield f"{found.place} is a {found.type}: it cannot be {kind} (ORA-00932, ORA-22848)"
    for pair in tree.find_all(exp.EQ, exp.NEQ):
        if any(isinstance(each, exp.Literal) and each.is_string and not each.this for each in (pair.left, pair.right)):
            yield "a comparison with '', which is NULL: it is never true"


def _ranked(tree: exp.Expression) -> Iterator[tuple[exp.Column, str]]:
    """Yield the columns that are compared, sorted, grouped or made distinct."""
    places: list[tuple[exp.Expression | None, str]] = []
    for node in tree.find_all(*_COMPARED):
        if not (isinstance(node.parent, exp.Update) and node.arg_key == "expressions"):  # an assignment
            places += [(node.this, "compared"), (node.args.get("expression"), "compared")]
    places += [(node.this, "sorted") for node in tree.find_all(exp.Ordered) if not isinstance(tree, exp.Create)]
    places += [(each, "grouped") for node in tree.find_all(exp.Group) for each in node.expressions]
    for select in tree.find_all(exp.Select):
        if select.args.get("distinct"):
            places += [(each.unalias(), "made distinct") for each in select.expressions]
    yield from ((node, kind) for node, kind in places if isinstance(node, exp.Column))


def _resolved(column: exp.Column, used: dict[str, str], known: Tables) -> Column | None:
    if column.table:
        return known.get(used.get(column.table.upper(), ""), {}).get(column.name.upper())
    found = [known[name][column.name.upper()] for name in used.values() if column.name.upper() in known.get(name, {})]
    return found[0] if len(found) == 1 else None
