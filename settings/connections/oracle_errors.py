"""The meaning of Oracle Database's errors, with a remedy for each. Errors are matched by code: texts vary by version.

langchain-oracledb wraps every `oracledb.Error` in `RuntimeError`, sometimes twice. So the code is searched along the
chain of causes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from state.errors import BadInput, DependencyUnavailable, EmbeddingMismatch, SettingsInvalid, SixplaneError, StorageFull


@dataclass(frozen=True)
class _Meaning:
    kind: type[SixplaneError]
    what: str
    hint: str


_GRANTS = "`sixplane db grants` prints what an administrator has to grant"
_INIT = "run `sixplane db init`, or `sixplane db upgrade` after an update"
_CREDENTIALS = (
    "check SIXPLANE_ORACLE__USER and the password (SIXPLANE_ORACLE__PASSWORD, _PASSWORD_FILE or _PASSWORD_SECRET_ID)"
)
DSN_HINT = "check SIXPLANE_ORACLE__DSN; an Autonomous Database also needs its wallet, see docs/oracle.md"
POOL_TIMEOUT = "DPY-4005"

_AGAIN = "nothing was written; run the command again"

_DOWN = _Meaning(DependencyUnavailable, "the database cannot be reached", DSN_HINT)
_LOST = _Meaning(DependencyUnavailable, "the connection to the database was lost", _AGAIN)
_NO_NUMBER = _Meaning(
    BadInput,
    "the database cannot store a number",
    "NaN, infinity, 1e126 and more are not possible; nothing was written",
)
_DENIED = _Meaning(DependencyUnavailable, "the database user lacks a privilege", _GRANTS)

_MEANINGS: dict[str, _Meaning] = {
    "ORA-00001": _Meaning(DependencyUnavailable, "a row with this key exists already", _AGAIN),
    "ORA-00054": _Meaning(DependencyUnavailable, "another session holds the rows", _AGAIN),
    "ORA-00060": _Meaning(DependencyUnavailable, "the database broke a deadlock", _AGAIN),
    "ORA-00942": _Meaning(
        DependencyUnavailable, "a table is missing, or the user may not see it", f"{_INIT}; {_GRANTS}"
    ),
    "ORA-00955": _Meaning(DependencyUnavailable, "an object with this name exists already", "see `sixplane db status`"),
    "ORA-00904": _Meaning(DependencyUnavailable, "a column is missing", _INIT),
    "ORA-01017": _Meaning(SettingsInvalid, "the user name or the password is wrong", _CREDENTIALS),
    "ORA-01031": _DENIED,
    "ORA-01400": _Meaning(BadInput, "a required value is missing", "add it, and run the command again"),
    "ORA-01450": _Meaning(BadInput, "a key is too long for its index", "use a shorter thread id or namespace"),
    "ORA-01461": _Meaning(
        BadInput, "a text is longer than 4,000 bytes where no LOB is accepted", "shorten it; nothing was written"
    ),
    "ORA-01536": _Meaning(StorageFull, "the user's quota of the tablespace is used up", "raise the quota"),
    "ORA-01653": _Meaning(StorageFull, "the tablespace is full", "add space to it"),
    "ORA-12899": _Meaning(BadInput, "a value is longer than its column", "shorten it; nothing was written"),
    "ORA-12154": _Meaning(
        SettingsInvalid, "the TNS alias is not known", "check SIXPLANE_ORACLE__CONFIG_DIR and the DSN"
    ),
    "ORA-12170": _DOWN,
    "ORA-12514": _Meaning(SettingsInvalid, "the listener does not know the service name", DSN_HINT),
    "ORA-12541": _DOWN,
    "ORA-12545": _DOWN,
    "ORA-28000": _Meaning(SettingsInvalid, "the account is locked", "an administrator unlocks it"),
    "ORA-28001": _Meaning(
        SettingsInvalid, "the password has expired", "set a new password, then put it into the settings"
    ),
    "ORA-51803": _Meaning(EmbeddingMismatch, "the vector and its column have different dimensions", _INIT),
    "ORA-51808": _Meaning(EmbeddingMismatch, "two vectors of different dimensions were compared", _INIT),
    "ORA-51805": _Meaning(BadInput, "the vector is not well-formed", "embed the text again; NaN is not a number"),
    "ORA-51962": _Meaning(
        DependencyUnavailable,
        "the vector memory area is too small for the index",
        "raise `vector_memory_size`, or set SIXPLANE_ORACLE__VECTOR_INDEX=ivf",
    ),
    "ORA-29902": _Meaning(
        DependencyUnavailable, "the text index cannot be read", "rebuild it: `ALTER INDEX <PREFIX>_PASSAGES_TX REBUILD`"
    ),
    "ORA-40284": _Meaning(
        SettingsInvalid, "the database has no such embedding model", "check SIXPLANE_ORACLE__EMBEDDING_MODEL"
    ),
    "ORA-29855": _Meaning(DependencyUnavailable, "an index could not be created", "see `sixplane doctor`"),
    "ORA-03113": _LOST,
    "ORA-03114": _LOST,
    "ORA-03135": _LOST,
    "ORA-12537": _LOST,
    "DPY-1001": _LOST,
    "DPY-4011": _LOST,
    POOL_TIMEOUT: _Meaning(
        DependencyUnavailable, "no connection of the pool became free in time", "raise SIXPLANE_ORACLE__POOL_MAX"
    ),
    "DPY-3020": _Meaning(BadInput, "a name in JSON is longer than 255 bytes", "shorten the name; nothing was written"),
    "DPY-4003": _NO_NUMBER,
    "DPY-4004": _NO_NUMBER,
    "DPY-4014": _NO_NUMBER,
    "DPY-3003": _Meaning(BadInput, "the database cannot store a value of this type", "use text or a number"),
    "DPY-4024": _Meaning(
        DependencyUnavailable, "a statement took too long", "raise SIXPLANE_ORACLE__CALL_TIMEOUT_SECONDS"
    ),
    "DPY-4000": _Meaning(
        SettingsInvalid, "the TNS alias is not known", "check SIXPLANE_ORACLE__CONFIG_DIR and the DSN"
    ),
    "DPY-4001": _Meaning(SettingsInvalid, "user or password is missing", _CREDENTIALS),
    "DPY-4026": _Meaning(SettingsInvalid, "`tnsnames.ora` is missing", "check SIXPLANE_ORACLE__CONFIG_DIR"),
    "DPY-6000": _DOWN,
    "DPY-6001": _Meaning(SettingsInvalid, "the listener does not know the service name", DSN_HINT),
    "DPY-6003": _Meaning(SettingsInvalid, "the listener does not know the SID", DSN_HINT),
    "DPY-6005": _DOWN,
    "DPY-3010": _Meaning(DependencyUnavailable, "the database is too old", "use Oracle Database 23ai or later"),
}
_CODE = re.compile(r"\b(ORA|DPY)-(\d{4,5})\b")


def classify_oracle(error: BaseException) -> SixplaneError:
    """Return our error for an error of the driver, or of a package that wraps it. The driver's text is left out: it may
    contain values.

    For an unknown code the message names it, for an error without a code the type of the error.
    """
    codes = codes_of(error)
    meaning = next((_MEANINGS[code] for code in codes if code in _MEANINGS), None)
    if meaning is None:
        what = f"Oracle Database answered {codes[0]}" if codes else f"Oracle Database failed: {type(error).__name__}"
        return DependencyUnavailable(what, hint="look the code up, and see `sixplane doctor`")
    code = next(code for code in codes if code in _MEANINGS)
    return meaning.kind(f"{meaning.what} ({code})", hint=meaning.hint)


@contextmanager
def translated() -> Iterator[None]:
    """Translate errors that the driver raises in the block into errors of our tree."""
    import oracledb

    try:
        yield
    except oracledb.Error as error:
        raise classify_oracle(error) from error


def codes_of(error: BaseException) -> list[str]:
    """Return the error codes along the chain of causes, outermost first, without duplicates."""
    found = [code for each in _chain(error) for code in _codes(each)]
    return list(dict.fromkeys(found))


def _codes(error: BaseException) -> list[str]:
    details = error.args[0] if error.args else None
    full = getattr(details, "full_code", None)
    texts = [str(full)] if full else [str(error)]
    return [
        f"{kind}-{int(number):05d}" if kind == "ORA" else f"{kind}-{number}"
        for text in texts
        for kind, number in _CODE.findall(text)
    ]


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
