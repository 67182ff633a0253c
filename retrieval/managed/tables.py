"""The tables of what managed sources returned, the same on SQLite and on Oracle Database.

No column may hold an empty string: Oracle Database stores it as NULL.
"""

from __future__ import annotations

import sqlalchemy as sa

from retrieval.documents import LONGEST_ID, LONGEST_SOURCE
from settings.connections.sql import JsonText

metadata = sa.MetaData()

passages = sa.Table(
    "source_passages",
    metadata,
    sa.Column("evidence_id", sa.String(32), primary_key=True),
    sa.Column("tenant", sa.String(64), nullable=False),
    sa.Column("corpus", sa.String(64), nullable=False),
    sa.Column("source_name", sa.String(64), nullable=False),
    sa.Column("document_id", sa.String(LONGEST_ID), nullable=False),
    sa.Column("text_hash", sa.String(64), nullable=False),
    sa.Column("title", sa.String(LONGEST_ID), nullable=False),
    sa.Column("place", sa.String(LONGEST_SOURCE), nullable=False),
    sa.Column("first_page", sa.Integer),
    sa.Column("last_page", sa.Integer),
    sa.Column("labels", JsonText, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("kept_at", sa.String(40), nullable=False),
    sa.Index("source_passages_corpus", "tenant", "corpus", "source_name"),
)
"""One row for each passage of each corpus: `body` is its canonical text, as the service returned it."""

uses = sa.Table(
    "source_uses",
    metadata,
    sa.Column("thread", sa.String(200), primary_key=True),
    sa.Column("evidence_id", sa.String(32), primary_key=True),
    sa.Index("source_uses_passage", "evidence_id"),
)
"""Which threads were shown which passages: one that no thread was shown any more is deleted."""
