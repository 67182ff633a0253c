"""Oracle's binary JSON (OSON), by the codec of the real driver, which needs no connection in thin mode."""

from __future__ import annotations

from typing import Any

import oracledb
from oracledb import base_impl

# A private class of the driver: no public function encodes OSON without a connection, and a double of our own would
# only repeat our assumptions about its types.
_CODEC = base_impl.BaseConnImpl("no database", oracledb.ConnectParams()._impl)


def through_oson(value: Any) -> Any:
    """Return `value` as the driver writes it to a JSON column and reads it back: numbers become `Decimal`.

    Raises:
        oracledb.Error: OSON cannot represent it: NaN, infinity, a number beyond NUMBER, a key of more than 255 bytes.
        TypeError: a key is not text.
    """
    return _CODEC.decode_oson(_CODEC.encode_oson(value))


def encoded(value: Any) -> int:
    """Return how many bytes the driver sends for `value` in a JSON column. Raises like `through_oson`."""
    return len(_CODEC.encode_oson(value))
