"""The driver's errors, without a database."""

from __future__ import annotations

from dataclasses import dataclass

import oracledb

_CONNECTION_CODES = ("ORA-03113", "ORA-03114", "ORA-03135", "DPY-4011", "DPY-1001")


@dataclass
class _Details:
    full_code: str
    code: int
    message: str
    isrecoverable: bool = False
    context: str = ""
    offset: int = 0


def oracle_error(code: str, message: str = "") -> oracledb.DatabaseError:
    """Return the driver's error for `code`, for example `ORA-00001`."""
    kinds: dict[str, type[oracledb.DatabaseError]] = {"ORA-00001": oracledb.IntegrityError}
    kind = oracledb.OperationalError if code in _CONNECTION_CODES else kinds.get(code, oracledb.DatabaseError)
    details = _Details(code, int(code.partition("-")[2]), message or f"{code}: scripted", code in _CONNECTION_CODES)
    return kind(details)
