"""Text of documents inside Markdown: it stays text, whatever it contains."""

from __future__ import annotations

import re

_SPECIAL = re.compile(r"[\\`*\[\]]|(?<![^\W_])_|_(?![^\W_])|~(?=~)|(?<=~)~")
_TAG = re.compile(r"<(?=[A-Za-z/!?])")
_ENTITY = re.compile(r"&(?=#?\w+;)")
_BLOCK = re.compile(r"(?:[#>+=-]|\d{1,9}(?=[.)]))")
_ADDRESS = re.compile(r"(?:https?://|www\.)\S+|\S+@\S+\.\S+", re.IGNORECASE)


def md_line(text: str) -> str:
    r"""Return a title, a heading or a message as one line of Markdown.

    An address becomes code, since many readers of Markdown make links of bare addresses.

    >>> md_line("# <b>Prices</b> [now](http://x.example)")
    '\\# &lt;b>Prices&lt;/b> \\[now\\](`http://x.example)`'
    """
    line = " ".join(text.split())
    parts: list[str] = []
    at = 0
    for address in _ADDRESS.finditer(line):
        parts += [_escaped(line[at : address.start()]), md_code(address[0])]
        at = address.end()
    return _not_a_block("".join([*parts, _escaped(line[at:])]))


def md_quote(text: str) -> str:
    """Return a quote as one line of Markdown. Its addresses stay: the reader sees where they come from."""
    return _not_a_block(_escaped(" ".join(text.split())))


def md_code(text: str) -> str:
    """Return `text` as a code span."""
    # A backtick would end the code span; so would two, if the text had two.
    return "`{}`".format(" ".join(text.replace("`", "'").split()))


def _escaped(text: str) -> str:
    return _TAG.sub("&lt;", _SPECIAL.sub(r"\\\g<0>", _ENTITY.sub("&amp;", text)))


def _not_a_block(line: str) -> str:
    """Escape what would make a line a heading, a list item, a quote or a rule."""
    start = _BLOCK.match(line)
    if not start:
        return line
    return f"{start[0]}\\{line[start.end() :]}" if start[0][0].isdigit() else f"\\{line}"
