"""The exceptions that the Office libraries raise for damaged files."""

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
"""All of them occurred when damaged files were fuzzed. `zipfile` raises `RuntimeError` for encrypted entries and for
unknown compression; `LookupError` means a missing part or an unknown encoding; the libraries raise `AttributeError`,
`TypeError` and `ValueError` when an XML element or attribute that they rely on is missing."""
