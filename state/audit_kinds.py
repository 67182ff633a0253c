"""The kinds of events of the audit trail, for the trail and the command line. Imports nothing heavy."""

from __future__ import annotations

from enum import StrEnum


class AuditKind(StrEnum):
    """The kinds of events."""

    LOGIN = "login"
    REFUSAL = "refusal"
    READ = "read"
    INGEST = "ingest"
    RELABEL = "relabel"
    DELETE = "delete"
    KEY = "key"
    BUDGET = "budget"
    EXPORT = "export"
    RETENTION = "retention"
    CANDIDATE = "candidate"
