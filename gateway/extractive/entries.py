"""Entries on errors: a message, its cause and its remedy, which are quoted together."""

from __future__ import annotations

import re
from collections.abc import Sequence

from gateway.extractive.blocks import COLON, Block

_WORDS = re.compile(r"\w+")
_CODE_OF_ERROR = re.compile(r"\W*(?:[A-Z][A-Z0-9]{1,9}[-_]?\d{2,6}|(?:HTTP )?[45]\d\d)\b")
_NAMES_ERROR = re.compile(
    r"\W*(?:message|error|warning|exception|fehler(?:meldung)?|erreur|errore|error message)\b\W*:?", re.IGNORECASE
)
_CAUSE = re.compile(
    r"(?:^|(?<=[\s.;(]))(?:\*\*)?(?:causes?|probable cause|reason|problem|issue|symptoms?|ursache|grund|problème|causa)"
    r"(?:\*\*)?\s*:",
    re.IGNORECASE,
)
_REMEDY = re.compile(
    r"(?:^|(?<=[\s.;(]))(?:\*\*)?(?:actions?|solutions?|resolution|remedy|remediation|fix|workaround|what to do|lösung"
    r"|abhilfe|maßnahme|behebung|remède|solución|soluzione|rimedio)(?:\*\*)?\s*:",
    re.IGNORECASE,
)
_MOST_MESSAGES = 2  # blocks above the cause: a code, and its message
_HEADING_WORDS = 3  # of a heading that is nothing but a code, such as "DPI-1047" or "ORA-01017 error"


def entry_end(text: str, blocks: Sequence[Block], at: int) -> int:
    """Return the index after an entry on an error that begins at `at`: its message, its cause and its remedy.

    It is 0 if no entry begins there.
    """
    told = at
    while told < len(blocks) and told - at < _MOST_MESSAGES and _is_message(text, blocks[told]):
        told += 1
    named = told > at
    remedy = next((n for n in range(told, min(told + 3, len(blocks))) if _says(text, blocks[n], _REMEDY)), None)
    if remedy is None or not (named or _says(text, blocks[told], _CAUSE)):
        return 0
    if not all(blocks[n].kind in ("prose", "item") for n in range(told, remedy)):
        return 0
    return _after_remedy(text, blocks, remedy)


def _after_remedy(text: str, blocks: Sequence[Block], remedy: int) -> int:
    """Return the index after a remedy: with the list and the code below it, and all up to the next entry if it ends
    with a colon.
    """
    opened = bool(COLON.search(text[blocks[remedy].start : blocks[remedy].end]))
    after = remedy + 1
    while after < len(blocks) and blocks[after].kind != "heading" and not _begins_entry(text, blocks[after]):
        if blocks[after].kind == "prose" and not opened:
            break
        after += 1
    return after


def _is_message(text: str, block: Block) -> bool:
    """Whether a block is the message of an error, and not its cause. A code alone is a heading."""
    said = text[block.start : block.end]
    if block.kind not in ("prose", "heading", "item") or _CAUSE.match(said) or _REMEDY.search(said):
        return False
    named = bool(_CODE_OF_ERROR.match(said) or _NAMES_ERROR.match(said))
    return named and (block.kind != "heading" or len(_WORDS.findall(said)) > _HEADING_WORDS)


def _says(text: str, block: Block, pattern: re.Pattern[str]) -> bool:
    return block.kind in ("prose", "item") and bool(pattern.search(text[block.start : block.end]))


def _begins_entry(text: str, block: Block) -> bool:
    said = text[block.start : block.end]
    return any(pattern.match(said) for pattern in (_CODE_OF_ERROR, _CAUSE, _NAMES_ERROR))
