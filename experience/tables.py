"""The tables of threads and of their runs, apart from the code that uses them: the migrations need the tables alone.

No column may hold an empty string: Oracle Database stores it as NULL.
"""

from __future__ import annotations

import sqlalchemy as sa

from settings.connections.sql import JsonText

TITLE_CHARS = 120
"""Maximum length of a thread's title. A chosen value: it is one line of a list."""

SEARCHED_CHARS = 4_000
"""How much of a thread's questions a search looks through. A chosen value: it bounds the row of a long conversation."""

metadata = sa.MetaData()
threads = sa.Table(
    "threads",
    metadata,
    sa.Column("tenant", sa.String(64), primary_key=True),
    sa.Column("thread_id", sa.String(64), primary_key=True),
    sa.Column("run_id", sa.String(36), nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("question", sa.Text, nullable=False),
    sa.Column("context", JsonText, nullable=False),
    sa.Column("refusal", JsonText),
    sa.Column("trace_id", sa.String(32), nullable=False),
    sa.Column("span_id", sa.String(16), nullable=False),
    sa.Column("owner", sa.String(255)),
    sa.Column("lease_owner", sa.String(200)),
    sa.Column("lease_until", sa.Float),
    sa.Column("created_at", sa.String(40), nullable=False),
    sa.Column("updated_at", sa.String(40), nullable=False),
    sa.Column("title", sa.String(TITLE_CHARS)),
    sa.Column("searched", sa.Text),
    sa.Column("taken_up", sa.Integer),
    sa.Column("checkpoints_removed_at", sa.String(40)),
    # Both end with the columns that a list is sorted by, so that a page of it is read without sorting all threads.
    sa.Index("threads_recent", "tenant", "updated_at", "thread_id"),
    sa.Index("threads_owned", "tenant", "owner", "updated_at", "thread_id"),
    # Runs of dead processes are looked for every `lease_seconds`, among few that are running and many that are over.
    sa.Index("threads_status", "status"),
)
"""One row per thread, with its latest run. `title` is its first question; `searched` holds its questions in lower
case; `taken_up` counts how often its run was resumed after the death of its process."""

runs = sa.Table(
    "runs",
    metadata,
    sa.Column("tenant", sa.String(64), primary_key=True),
    sa.Column("run_id", sa.String(36), primary_key=True),
    sa.Column("thread_id", sa.String(64), nullable=False),
    sa.Column("question", sa.Text, nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("report", JsonText),
    sa.Column("created_at", sa.String(40), nullable=False),
    sa.Column("updated_at", sa.String(40), nullable=False),
    sa.Column("removed_at", sa.String(40)),
    sa.Index("runs_of_threads", "tenant", "thread_id", "created_at"),
)
"""One row per run. `removed_at` is when the report was removed because of its age. The report of a run of an earlier
release is in the thread's checkpoints alone."""


def backfill() -> tuple[sa.Insert | sa.Update, ...]:
    """Return the statements that fill the columns and rows that an earlier release did not have."""
    title = sa.func.substr(threads.c.question, 1, TITLE_CHARS)
    searched = sa.func.lower(sa.func.substr(threads.c.question, 1, SEARCHED_CHARS))
    known = sa.select(runs.c.run_id).where(runs.c.tenant == threads.c.tenant, runs.c.run_id == threads.c.run_id)
    copied = ("tenant", "run_id", "thread_id", "question", "status", "updated_at")
    latest = sa.select(*(threads.c[name] for name in copied), threads.c.updated_at.label("created_at"))
    return (
        threads.update().where(threads.c.title.is_(None)).values(title=title, searched=searched),
        runs.insert().from_select([*copied, "created_at"], latest.where(~known.exists())),
    )
