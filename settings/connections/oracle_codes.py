"""What each error code of Oracle Database, of its driver and of Oracle Text means, and what to do about it.

Sources: *Database Error Messages*, 23ai; `oracledb/errors.py` of python-oracledb; *Oracle Text Reference*, appendix on
errors. The driver's numbers are checked against its module in the tests.
"""

from __future__ import annotations

from dataclasses import dataclass

from state.errors import BadInput, DependencyUnavailable, EmbeddingMismatch, SettingsInvalid, SixplaneError, StorageFull


@dataclass(frozen=True)
class Meaning:
    """Our class for an error, what happened, and the remedy."""

    kind: type[SixplaneError]
    what: str
    hint: str


DSN_HINT = "check SIXPLANE_ORACLE__DSN; an Autonomous Database also needs its wallet, see docs/oracle.md"
POOL_TIMEOUT = "DPY-4005"
CALL_TIMEOUT = "DPY-4024"

_GRANTS = "`sixplane db grants` prints what an administrator has to grant"
_INIT = "run `sixplane db init`, or `sixplane db upgrade` after an update"
_REBUILT = "run `sixplane db init`: it makes indexes anew that exist but cannot be used"
_CREDENTIALS = (
    "check SIXPLANE_ORACLE__USER and the password (SIXPLANE_ORACLE__PASSWORD, _PASSWORD_FILE or _PASSWORD_SECRET_ID)"
)
_AGAIN = "nothing was written; run the command again"
_WALLET = "unpack the wallet, and set SIXPLANE_ORACLE__WALLET_LOCATION to the folder that holds `ewallet.pem`"
_CONFIG_DIR = "set SIXPLANE_ORACLE__CONFIG_DIR to the folder of `tnsnames.ora`, or check the alias in the DSN"
_FEWER = (
    "lower SIXPLANE_ORACLE__POOL_MAX or the number of processes, or ask an administrator for more sessions: "
    "docs/oracle.md says how many a process opens"
)
_SPACE = "ask an administrator to add a data file or to raise its limit, then run the command again"
_CERTIFICATE = "check that the DSN's host is the one of the certificate; download the wallet again if it was rotated"
UNTRUSTED_HINT = (
    "set SIXPLANE_ORACLE__CA_FILE to the certificate of the authority that signed it, in PEM format, or "
    "SIXPLANE_ORACLE__WALLET_LOCATION to a wallet that has it; if it has expired, the database needs a new one"
)
HANDSHAKE_HINT = (
    "a server that asks for mTLS needs a wallet: set SIXPLANE_ORACLE__WALLET_LOCATION; otherwise check that the port "
    "speaks TLS (`tcps`)"
)

_DOWN = Meaning(DependencyUnavailable, "the database cannot be reached", DSN_HINT)
LOST = Meaning(
    DependencyUnavailable,
    "the connection to the database was lost",
    "run the command again: what was not committed is done again",
)
HUNG_UP = Meaning(
    DependencyUnavailable,
    "the database hung up while the connection was opened",
    f"{HANDSHAKE_HINT}; an Autonomous Database also hangs up on a machine that its access control list does not name",
)
_NO_NUMBER = Meaning(
    BadInput,
    "the database cannot store a number",
    "NaN, infinity, 1e126 and more are not possible; nothing was written",
)
_SESSIONS = Meaning(DependencyUnavailable, "the database allows no further session", _FEWER)
_STARTING = Meaning(
    DependencyUnavailable,
    "the database is starting, stopping or stopped",
    "start it if it is stopped (an Autonomous Database in the OCI console), else run the command again in a minute",
)

ROWS: dict[str, Meaning] = {
    "ORA-00001": Meaning(DependencyUnavailable, "a row with this key exists already", _AGAIN),
    "ORA-00054": Meaning(DependencyUnavailable, "another session holds the rows", _AGAIN),
    "ORA-00060": Meaning(DependencyUnavailable, "the database broke a deadlock", _AGAIN),
    "ORA-01400": Meaning(BadInput, "a required value is missing", "add it, and run the command again"),
    "ORA-01450": Meaning(BadInput, "a key is too long for its index", "use a shorter thread id or namespace"),
    "ORA-01461": Meaning(
        BadInput, "a text is longer than 4,000 bytes where no LOB is accepted", "shorten it; nothing was written"
    ),
    "ORA-01555": Meaning(
        DependencyUnavailable,
        "a long read met rows that had changed since it began",
        "run the command again when less is being written; if it happens often, ask for a longer `undo_retention`",
    ),
    "ORA-12899": Meaning(BadInput, "a value is longer than its column", "shorten it; nothing was written"),
    "DPY-3020": Meaning(BadInput, "a name in JSON is longer than 255 bytes", "shorten the name; nothing was written"),
    "DPY-4003": _NO_NUMBER,
    "DPY-4004": _NO_NUMBER,
    "DPY-4014": _NO_NUMBER,
    "DPY-3003": Meaning(BadInput, "the database cannot store a value of this type", "use text or a number"),
    CALL_TIMEOUT: Meaning(
        DependencyUnavailable, "a statement took too long", "raise SIXPLANE_ORACLE__CALL_TIMEOUT_SECONDS"
    ),
}
"""What a statement met in the tables."""

SCHEMA: dict[str, Meaning] = {
    "ORA-00942": Meaning(
        DependencyUnavailable, "a table is missing, or the user may not see it", f"{_INIT}; {_GRANTS}"
    ),
    "ORA-00955": Meaning(DependencyUnavailable, "an object with this name exists already", "see `sixplane db status`"),
    "ORA-00904": Meaning(DependencyUnavailable, "a column is missing", _INIT),
    "ORA-01031": Meaning(DependencyUnavailable, "the database user lacks a privilege", _GRANTS),
    "ORA-40284": Meaning(
        SettingsInvalid, "the database has no such embedding model", "check SIXPLANE_ORACLE__EMBEDDING_MODEL"
    ),
}
"""What is missing in the schema, or not granted."""

INDEXES: dict[str, Meaning] = {
    "ORA-29855": Meaning(DependencyUnavailable, "an index could not be created", "see `sixplane doctor`"),
    "ORA-01502": Meaning(DependencyUnavailable, "an index cannot be used", _REBUILT),
    "ORA-29861": Meaning(DependencyUnavailable, "the text index cannot be used", _REBUILT),
    "ORA-29902": Meaning(
        DependencyUnavailable,
        "the text index cannot be read",
        f"{_REBUILT}; or `ALTER INDEX <PREFIX>_PASSAGES_TX REBUILD`",
    ),
    "ORA-20000": Meaning(
        DependencyUnavailable,
        "Oracle Text or another package of the database refused",
        "see `sixplane doctor`, and the view CTX_USER_INDEX_ERRORS for rows that could not be indexed",
    ),
    "ORA-51803": Meaning(EmbeddingMismatch, "the vector and its column have different dimensions", _INIT),
    "ORA-51805": Meaning(BadInput, "the vector is not well-formed", "embed the text again; NaN is not a number"),
    "ORA-51808": Meaning(EmbeddingMismatch, "two vectors of different dimensions were compared", _INIT),
    "ORA-51928": Meaning(
        DependencyUnavailable,
        "this release of the database accepts no writes to a table with an HNSW index",
        "update the database to 23.6 or later, or set SIXPLANE_ORACLE__VECTOR_INDEX=ivf and drop the index "
        "<PREFIX>_PASSAGES_VX",
    ),
    "ORA-51962": Meaning(
        DependencyUnavailable,
        "the vector memory area is too small for the index",
        "raise `vector_memory_size`, or set SIXPLANE_ORACLE__VECTOR_INDEX=ivf",
    ),
}
"""What text and vector indexes say."""

TEXT: dict[str, Meaning] = {
    "DRG-10502": Meaning(DependencyUnavailable, "the text index is missing", _INIT),
    "DRG-10599": Meaning(DependencyUnavailable, "the column has no text index", _INIT),
    "DRG-10700": Meaning(
        DependencyUnavailable, "a preference of Oracle Text is missing", f"reinstall Oracle Text, or {_GRANTS}"
    ),
    "DRG-50901": Meaning(BadInput, "Oracle Text cannot read the query", "ask in other words, without operators"),
    "DRG-51030": Meaning(
        BadInput, "a wildcard of the query matches too many words", "write more letters before the wildcard"
    ),
}
"""Oracle Text says ORA-20000 or ORA-29855 around these."""

SPACE: dict[str, Meaning] = {
    "ORA-01536": Meaning(StorageFull, "the user's quota of the tablespace is used up", "raise the quota"),
    "ORA-01653": Meaning(StorageFull, "the tablespace is full for a table", f"add space to it: {_SPACE}"),
    "ORA-01654": Meaning(StorageFull, "the tablespace is full for an index", f"add space to it: {_SPACE}"),
    "ORA-01691": Meaning(StorageFull, "the tablespace is full for long texts", f"add space to it: {_SPACE}"),
    "ORA-01950": Meaning(
        StorageFull,
        "the user has no quota on the tablespace",
        f"{_GRANTS}; SIXPLANE_ORACLE__TABLESPACE names the tablespace (`DATA` on an Autonomous Database)",
    ),
    "ORA-30036": Meaning(StorageFull, "the undo tablespace is full", f"ingest fewer files at a time, or {_SPACE}"),
    "ORA-12953": Meaning(
        StorageFull,
        "Oracle Database Free holds 12 GB of data at most",
        "prune or drop corpora (`sixplane corpus prune`), or use another edition",
    ),
    "ORA-04031": Meaning(
        StorageFull,
        "the database's shared memory is used up",
        "ask an administrator to raise the SGA, or to lower `vector_memory_size`, which takes a part of it",
    ),
}
"""What is full."""

LOGIN: dict[str, Meaning] = {
    "ORA-01017": Meaning(SettingsInvalid, "the user name or the password is wrong", _CREDENTIALS),
    "ORA-01045": Meaning(SettingsInvalid, "the user may not log in: it lacks CREATE SESSION", _GRANTS),
    "ORA-28000": Meaning(SettingsInvalid, "the account is locked", "an administrator unlocks it"),
    "ORA-28001": Meaning(
        SettingsInvalid, "the password has expired", "set a new password, then put it into the settings"
    ),
    "ORA-28759": Meaning(SettingsInvalid, "a file of the wallet cannot be opened", _WALLET),
    "DPY-2018": Meaning(SettingsInvalid, "a file of the wallet is missing", _WALLET),
    "DPY-2033": Meaning(
        DependencyUnavailable,
        "the database token has expired",
        "run the command again; if it stays so, check this machine's clock",
    ),
    "DPY-2034": Meaning(
        SettingsInvalid, "database tokens need TLS", "use a DSN with the protocol `tcps`, see docs/oracle.md"
    ),
    "DPY-4001": Meaning(SettingsInvalid, "user or password is missing", _CREDENTIALS),
}
"""What keeps a user from logging in."""

CONNECTING: dict[str, Meaning] = {
    "ORA-00018": _SESSIONS,
    "ORA-00020": _SESSIONS,
    "ORA-02391": Meaning(DependencyUnavailable, "the user's profile allows no further session", _FEWER),
    "ORA-12516": _SESSIONS,
    "ORA-12520": _SESSIONS,
    "ORA-01033": _STARTING,
    "ORA-01034": _STARTING,
    "ORA-12154": Meaning(SettingsInvalid, "the TNS alias is not known", _CONFIG_DIR),
    "ORA-12170": _DOWN,
    "ORA-12506": Meaning(
        DependencyUnavailable,
        "the listener refuses this machine",
        "add its address to the database's access control list; an Autonomous Database that is stopped says this too: "
        "start it in the OCI console",
    ),
    "ORA-12505": Meaning(SettingsInvalid, "the listener does not know the SID", DSN_HINT),
    "ORA-12514": Meaning(SettingsInvalid, "the listener does not know the service name", DSN_HINT),
    "ORA-12541": _DOWN,
    "ORA-12545": _DOWN,
    "ORA-03113": LOST,
    "ORA-03114": LOST,
    "ORA-03135": LOST,
    "ORA-12537": LOST,
    "DPY-1001": LOST,
    "DPY-4011": LOST,
    POOL_TIMEOUT: Meaning(
        DependencyUnavailable, "no connection of the pool became free in time", "raise SIXPLANE_ORACLE__POOL_MAX"
    ),
    "DPY-3010": Meaning(DependencyUnavailable, "the database is too old", "use Oracle Database 23ai or later"),
    "DPY-4000": Meaning(SettingsInvalid, "the TNS alias is not known", _CONFIG_DIR),
    "DPY-4017": Meaning(SettingsInvalid, "the connect descriptor cannot be read", DSN_HINT),
    "DPY-4018": Meaning(SettingsInvalid, "the connect string cannot be read", DSN_HINT),
    "DPY-4026": Meaning(SettingsInvalid, "`tnsnames.ora` is missing", _CONFIG_DIR),
    "DPY-4027": Meaning(SettingsInvalid, "the DSN is a TNS alias, and no folder has a `tnsnames.ora`", _CONFIG_DIR),
    "DPY-6000": _DOWN,
    "DPY-6001": Meaning(SettingsInvalid, "the listener does not know the service name", DSN_HINT),
    "DPY-6002": Meaning(SettingsInvalid, "the server's certificate has another distinguished name", _CERTIFICATE),
    "DPY-6003": Meaning(SettingsInvalid, "the listener does not know the SID", DSN_HINT),
    "DPY-6005": _DOWN,
    "DPY-6006": Meaning(SettingsInvalid, "the server's certificate is for another host", _CERTIFICATE),
}
"""What stands between this machine and the database."""

MEANINGS: dict[str, Meaning] = {**ROWS, **SCHEMA, **INDEXES, **TEXT, **SPACE, **LOGIN, **CONNECTING}

WRAPPERS = frozenset({"DPY-6005", "DPY-6000", "DPY-4011", "ORA-29855", "ORA-29902", "ORA-20000"})
"""Codes whose text often holds another code, which says more."""
