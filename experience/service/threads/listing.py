"""Lists of threads: a page after a cursor, of an owner or of the whole tenant, with or without a search."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from experience.tables import SEARCHED_CHARS, TITLE_CHARS, threads
from state.channels import CORPUS_NAME
from state.errors import BadInput

MAX_PAGE = 200
"""Most threads on one page. A chosen value."""

PAGE = 50
"""Threads on a page if the caller names no number. A chosen value."""

MAX_QUERY_CHARS = 200
MAX_WORDS = 10
"""Bounds of a search. Chosen values: each word is one comparison for every thread."""

CURSOR = rf"^[0-9]{{4}}[0-9T:.Z-]{{1,36}}~{CORPUS_NAME[1:]}"
"""What a cursor looks like: the time and the name of the last thread on the page before."""

_CURSOR = re.compile(CURSOR.rstrip("$"))
_COLUMNS = ("thread_id", "run_id", "status", "title", "question", "owner", "created_at", "updated_at")


@dataclass(frozen=True)
class PageWanted:
    """Which threads a list shows.

    Args:
        owner: only those of this principal; `None`: all of the tenant.
        query: only those whose questions contain every word of it.
        limit: how many at most.
        cursor: `next` of the page before; empty for the first page.
    """

    owner: str | None = None
    query: str = ""
    limit: int = PAGE
    cursor: str = ""

    def __post_init__(self) -> None:
        if not 1 <= self.limit <= MAX_PAGE:
            raise BadInput(f"a page holds 1 to {MAX_PAGE} threads, not {self.limit}", hint="ask for several pages")
        if len(self.query) > MAX_QUERY_CHARS:
            raise BadInput(f"a search has at most {MAX_QUERY_CHARS} characters", hint="search for fewer words")


def page_of(tenant: str, wanted: PageWanted) -> sa.Select[Any]:
    """Return the statement for a page and one thread more, which tells whether there is a next page.

    Raises:
        BadInput: the cursor is not one that `cursor_of` has made.
    """
    conditions: list[sa.ColumnElement[bool]] = [threads.c.tenant == tenant]
    if wanted.owner is not None:
        conditions.append(threads.c.owner == wanted.owner)
    if wanted.cursor:
        updated, thread_id = _position(wanted.cursor)
        # The first condition alone lets the index begin at the right place; the second one breaks ties.
        conditions.append(threads.c.updated_at <= updated)
        conditions.append(sa.or_(threads.c.updated_at < updated, threads.c.thread_id < thread_id))
    words = folded(wanted.query).split()[:MAX_WORDS]
    # As a short text: Oracle Database takes no large object as the pattern of `LIKE`.
    searched = sa.type_coerce(threads.c.searched, sa.String)
    conditions += [searched.contains(word, autoescape=True) for word in words]
    latest_first = (threads.c.updated_at.desc(), threads.c.thread_id.desc())
    return (
        sa.select(*(threads.c[name] for name in _COLUMNS))
        .where(*conditions)
        .order_by(*latest_first)
        .limit(wanted.limit + 1)
    )


def cursor_of(row: Any) -> str:
    """Return the cursor of the page after `row`. It names a place in the list and allows nothing."""
    # `Z` for the zone: a `+` that a client does not escape would arrive as a blank.
    return f"{row['updated_at'].replace('+00:00', 'Z')}~{row['thread_id']}"


def title_of(question: str) -> str:
    """Return a question as a title: on one line, cut at a word."""
    line = " ".join(question.split())
    if len(line) <= TITLE_CHARS:
        return line
    head = line[: TITLE_CHARS - 1]
    return f"{head.rsplit(' ', 1)[0] if ' ' in head[TITLE_CHARS // 2 :] else head}…"


def searched_with(before: str, question: str) -> str:
    """Return what a search looks through once a thread has got another question."""
    return f"{before}\n{folded(question)}".strip()[:SEARCHED_CHARS]


def folded(text: str) -> str:
    """Return `text` on one line and in one case, as searches compare it."""
    return " ".join(text.lower().split())


def _position(cursor: str) -> tuple[str, str]:
    if not _CURSOR.fullmatch(cursor):
        raise BadInput("the cursor is not one of this list", hint="send `next` of the page before, or leave it out")
    updated, _, thread_id = cursor.partition("~")
    return updated.replace("Z", "+00:00"), thread_id
