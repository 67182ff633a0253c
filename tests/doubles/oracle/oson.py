"""Oracle's binary JSON by the real driver: its thin codec needs no connection."""

from __future__ import annotations

from typing import Any

import oracledb
from oracledb import base_impl

_CODEC = base_impl.BaseConnImpl("no database", oracledb.ConnectParams()._impl)


def through_oson(value: Any) -> Any:
    """Return `value` as the driver writes and reads it in a JSON column: every number is a `Decimal`.

    Raises:
        oracledb.Error: no OSON holds it: NaN, infinities, numbers beyond NUMBER, names of more than 255 bytes.
        TypeError: a key that is no text.
    """
    return _CODEC.decode_oson(_CODEC.encode_oson(value))
