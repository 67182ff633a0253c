"""The ledger's tables, the same on SQLite and on Oracle Database. Times are milliseconds since the epoch, UTC.

No column may hold an empty string: Oracle Database stores it as NULL, which `NOT NULL` then rejects.
"""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData()

scopes = sa.Table(
    "ledger_scopes",
    metadata,
    sa.Column("scope", sa.String(300), primary_key=True),
    sa.Column("spent", sa.BigInteger, nullable=False),
    sa.Column("reserved", sa.BigInteger, nullable=False),
    sa.Column("hard_limit", sa.BigInteger),
    sa.Column("limit_version", sa.Integer, nullable=False),
    sa.Column("alerted", sa.Integer, nullable=False),
    sa.Column("ended_at", sa.BigInteger),
)
"""What each scope has spent and reserved. `alerted` has a bit for each recorded threshold of the current limit;
`ended_at` is set once a run has ended, and no answer is memoised from then on."""

limits = sa.Table(
    "ledger_limits",
    metadata,
    sa.Column("kind", sa.String(10), primary_key=True),
    sa.Column("tenant", sa.String(64), primary_key=True),
    sa.Column("hard_limit", sa.BigInteger),
)
"""Limits from `sixplane budget set`; they override the settings."""

calls = sa.Table(
    "ledger_calls",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("run_scope", sa.String(300), nullable=False),
    sa.Column("tenant_scope", sa.String(300), nullable=False),
    sa.Column("month_scope", sa.String(300), nullable=False),
    sa.Column("call_key", sa.String(64), nullable=False),
    sa.Column("operation", sa.String(20), nullable=False),
    sa.Column("model", sa.String(200), nullable=False),
    sa.Column("state", sa.String(10), nullable=False),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("lease_until", sa.BigInteger, nullable=False),
    sa.Column("cost", sa.BigInteger, nullable=False),
    sa.Column("input_chars", sa.BigInteger, nullable=False),
    sa.Column("output_chars", sa.BigInteger, nullable=False),
    sa.Column("input_tokens", sa.BigInteger, nullable=False),
    sa.Column("output_tokens", sa.BigInteger, nullable=False),
    sa.Column("principal_scope", sa.String(300)),
    sa.Index("ledger_calls_run", "run_scope", "state"),
    sa.Index("ledger_calls_pending", "state", "lease_until"),
    sa.Index("ledger_calls_month", "month_scope", "model"),
)
"""One row per attempt of a call. `state` is `pending` until the attempt is settled, then `completed` with what it used;
`charged` in full if nobody knows whether it was answered (its characters are then the most it can have used); or `free`
if it certainly was not answered."""

totals = sa.Table(
    "ledger_totals",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    *(sa.Column(f"{kind}_scope", sa.String(300), nullable=False) for kind in ("run", "tenant", "month")),
    sa.Column("principal_scope", sa.String(300)),
    sa.Column("operation", sa.String(20), nullable=False),
    sa.Column("model", sa.String(200), nullable=False),
    sa.Column("state", sa.String(10), nullable=False),
    *(
        sa.Column(figure, sa.BigInteger, nullable=False)
        for figure in ("calls", "cost", "input_chars", "output_chars", "input_tokens", "output_tokens")
    ),
    sa.Index("ledger_totals_run", "run_scope"),
    sa.Index("ledger_totals_tenant", "tenant_scope"),
)
"""What the rows of `ledger_calls` that were pruned add up to, by scopes, operation, model and state."""

PRINCIPAL_DDL = ("ALTER TABLE ledger_calls ADD (principal_scope VARCHAR2(300 CHAR))",)
"""Adds the scope of a call's principal to an earlier version's table on Oracle Database. SQLite gets it by itself."""

ENDED_DDL = ("ALTER TABLE ledger_scopes ADD (ended_at NUMBER(19))",)
"""Adds the end of a run in the same way."""

memo = sa.Table(
    "ledger_memo",
    metadata,
    sa.Column("run_scope", sa.String(300), primary_key=True),
    sa.Column("call_key", sa.String(64), primary_key=True),
    sa.Column("answer", sa.Text, nullable=False),
)
"""Answers of a run's calls, so that a run resumed after a crash does not pay for them again."""

alerts = sa.Table(
    "ledger_alerts",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("scope", sa.String(300), nullable=False),
    sa.Column("threshold", sa.Integer, nullable=False),
    sa.Column("hard_limit", sa.BigInteger, nullable=False),
    sa.Column("spent", sa.BigInteger, nullable=False),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("claimed_until", sa.BigInteger, nullable=False),
    sa.Column("published_at", sa.BigInteger),
)
"""The record of alerts, which is also their outbox: written with the charge, published after it."""
