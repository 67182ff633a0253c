"""The table of threads, apart from the code that uses it: the schema's migrations need the table alone."""

from __future__ import annotations

import sqlalchemy as sa

from settings.connections.sql import JsonText

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
)
