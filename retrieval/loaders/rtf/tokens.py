"""The tokens of RTF, and the encodings of its fonts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_TOKEN = re.compile(
    rb"\\(?P<word>[a-zA-Z]{1,32})(?P<number>-?\d{1,10})? ?|\\'(?P<byte>[0-9a-fA-F]{2})|\\(?P<sign>.)|(?P<brace>[{}])"
    rb"|[\r\n\0]+|(?P<text>[^\\{}\r\n\0]+)",
    re.DOTALL,
)
_CHARSETS = {
    77: "mac_roman",
    128: "cp932",
    129: "cp949",
    130: "johab",
    134: "gb18030",
    136: "cp950",
    161: "cp1253",
    162: "cp1254",
    163: "cp1258",
    177: "cp1255",
    178: "cp1256",
    186: "cp1257",
    204: "cp1251",
    222: "cp874",
    238: "cp1250",
    254: "cp437",
    255: "cp850",
}
SYMBOL_CHARSET = 2


class Token(NamedTuple):
    """One token: a control word with its number, a byte of text, a sign after a backslash, a brace, or text."""

    kind: str
    value: str
    number: int | None = None
    data: bytes = b""


def tokens(data: bytes) -> Iterator[Token]:
    """Yield the tokens; binary data after `\\bin` are passed over."""
    at = 0
    while (found := _TOKEN.match(data, at)) is not None:
        at = found.end()
        if found["word"]:
            number = int(found["number"]) if found["number"] else None
            word = found["word"].decode("ascii")
            if word == "bin":
                at += max(number or 0, 0)
            else:
                yield Token("word", word, number)
        elif found["byte"]:
            yield Token("byte", "", None, bytes.fromhex(found["byte"].decode("ascii")))
        elif found["sign"]:
            yield Token("sign", found["sign"].decode("latin-1"))
        elif found["brace"]:
            yield Token(found["brace"].decode("ascii"), "")
        elif found["text"]:
            yield Token("text", "", None, found["text"])


def encoding_of_charset(charset: int) -> str | None:
    """Return the encoding of a font with this `\\fcharset`; `None` for those that follow the document's own."""
    return _CHARSETS.get(charset)


def encoding_of_page(page: int) -> str | None:
    """Return the encoding with the number of a code page, if there is one."""
    name = {65001: "utf-8", 10000: "mac_roman", 936: "gb18030"}.get(page, f"cp{page}")
    try:
        b"a".decode(name)
    except LookupError:
        return None
    return name
