"""The zip containers of Office files: what reading a damaged one raises."""

from __future__ import annotations

import zipfile
import zlib

from lxml.etree import XMLSyntaxError

DAMAGED_CONTAINER = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    RuntimeError,
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
    XMLSyntaxError,
)
"""Each was seen in fuzzing: `RuntimeError` is zipfile's for encrypted entries and unknown compression, `LookupError` a
missing part or an unknown encoding, `AttributeError`, `TypeError` and `ValueError` the libraries' on XML that lacks an
element or an attribute they rely on."""
