"""The meaning of Oracle Database's errors, with a remedy for each. Errors are matched by code: texts vary by version.

An error may hold several codes: langchain-oracledb wraps every `oracledb.Error` in `RuntimeError`, sometimes twice; the
driver puts the reason of a failed connect into the text (`DPY-6005` around `DPY-2018`); Oracle Text stands inside of
ORA-20000. So codes are searched along the chain of causes and in the texts, and the one that says most is taken.
"""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from settings.connections.oracle_codes import (
    CALL_TIMEOUT,
    DSN_HINT,
    HANDSHAKE_HINT,
    HUNG_UP,
    LOST,
    MEANINGS,
    UNTRUSTED_HINT,
    WRAPPERS,
)
from state.errors import DependencyUnavailable, OutcomeUnknown, SettingsInvalid, SixplaneError

T = TypeVar("T")

_CODE = re.compile(r"\b(ORA|DPY|DRG)-(\d{4,5})\b")

_OPENING = {"DPY-6005", "DPY-4011"}
"""A connection that was closed while it was opened."""

_LOST_CODES = frozenset(code for code, meaning in MEANINGS.items() if meaning is LOST) | {CALL_TIMEOUT}


def classify_oracle(error: BaseException, *, committing: bool = False) -> SixplaneError:
    """Return our error for an error of the driver, or of a package that wraps it. The driver's text is left out: it may
    contain values.

    For an unknown code the message names it, for an error without a code the type of the error.

    Args:
        error: what was raised.
        committing: whether it was raised by a COMMIT. If the connection broke meanwhile, nobody can say whether the
            changes are stored, and the result is `OutcomeUnknown`.
    """
    codes = codes_of(error)
    code = _telling(codes)
    if committing and _LOST_CODES.intersection(codes):
        return OutcomeUnknown(f"the connection to the database was lost while it stored changes ({codes[0]})")
    refused = _refused_handshake(error) if code is None or code in WRAPPERS else None
    if refused is not None:
        return refused
    if code is not None:
        meaning = HUNG_UP if _OPENING.issubset(codes) and code in WRAPPERS else MEANINGS[code]
        return meaning.kind(f"{meaning.what} ({code})", hint=meaning.hint)
    if isinstance(error, socket.gaierror):
        return DependencyUnavailable("the database cannot be reached: its host name is not known", hint=DSN_HINT)
    what = f"Oracle Database answered {codes[0]}" if codes else f"Oracle Database failed: {type(error).__name__}"
    return DependencyUnavailable(what, hint="look the code up, and see `sixplane doctor`")


def _refused_handshake(error: BaseException) -> SixplaneError | None:
    """Return our error if TLS failed, which the driver tells without a code."""
    found = next((each for each in _chain(error) if isinstance(each, ssl.SSLError)), None)
    if isinstance(found, ssl.SSLCertVerificationError):
        why = found.verify_message  # a fixed text of OpenSSL
        return SettingsInvalid(f"the server's certificate is not trusted: {why}", hint=UNTRUSTED_HINT)
    if found is not None:
        return SettingsInvalid(f"TLS failed: {found.reason or 'no common ground'}", hint=HANDSHAKE_HINT)
    return None


def _telling(codes: list[str]) -> str | None:
    """Return the first known code that wraps no other, else the first known one, or `None`."""
    known = [code for code in codes if code in MEANINGS]
    return next((code for code in known if code not in WRAPPERS), known[0] if known else None)


@contextmanager
def translated(*, committing: bool = False) -> Iterator[None]:
    """Translate errors that the driver raises in the block into errors of our tree, like `classify_oracle`."""
    import oracledb

    try:
        yield
    except (oracledb.Error, socket.gaierror) as error:  # an unknown host: the driver passes `gaierror` on
        raise classify_oracle(error, committing=committing) from error


async def again_if_lost(work: Callable[[], Awaitable[T]], *, committing: bool = False) -> T:
    """Return the result of `work`, which acquires a connection; once more on another one if that was lost.

    A pool checks a connection only after it has idled for a while, so one that the database ended meanwhile is found
    at its first statement.

    Args:
        work: reads, or stores nothing twice: an earlier attempt of it may have been committed.
        committing: whether it commits, so that a second loss leaves its outcome unknown.

    Raises:
        OutcomeUnknown: it was lost twice, and commits.
        SixplaneError: like `classify_oracle`.
    """
    try:
        with translated(committing=committing):
            return await work()
    except DependencyUnavailable as error:
        if not isinstance(error, OutcomeUnknown) and not was_lost(error):
            raise
    with translated(committing=committing):
        return await work()


def was_lost(error: SixplaneError) -> bool:
    """Return whether an error of `translated` tells of a connection that the database has ended."""
    codes = codes_of(error.__cause__) if error.__cause__ is not None else []
    return any(MEANINGS.get(code) is LOST for code in codes)


def codes_of(error: BaseException) -> list[str]:
    """Return the error codes along the chain of causes and in the texts, outermost first, without duplicates."""
    found = [code for each in _chain(error) for code in _codes(each)]
    return list(dict.fromkeys(found))


def _codes(error: BaseException) -> list[str]:
    details = error.args[0] if error.args else None
    texts = [str(getattr(details, "full_code", None) or ""), str(getattr(details, "message", None) or error)]
    return [
        f"{kind}-{number}" if kind == "DPY" else f"{kind}-{int(number):05d}"
        for text in texts
        for kind, number in _CODE.findall(text)
    ]


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
