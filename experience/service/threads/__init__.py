"""The table `threads`: each thread's question, context, status, lease and runs.

LangGraph does not checkpoint a run's context, so `resume` restores it from this table. A thread has at most one live
lease, so that two runs never write to it at once. A thread id authorises nothing: every query names the tenant.
"""

from __future__ import annotations

from experience.service.threads.ageing import NEVER
from experience.service.threads.leases import Lease
from experience.service.threads.listing import CURSOR, MAX_PAGE, MAX_QUERY_CHARS, PAGE, PageWanted
from experience.service.threads.records import (
    UNFINISHED,
    AgedRun,
    AgedThread,
    KeptRun,
    RunRecord,
    StoredRun,
    ThreadPage,
    ThreadRecord,
    ThreadSummary,
)
from experience.service.threads.table import Threads

__all__ = [
    "CURSOR",
    "MAX_PAGE",
    "MAX_QUERY_CHARS",
    "NEVER",
    "PAGE",
    "UNFINISHED",
    "AgedRun",
    "AgedThread",
    "KeptRun",
    "Lease",
    "PageWanted",
    "RunRecord",
    "StoredRun",
    "ThreadPage",
    "ThreadRecord",
    "ThreadSummary",
    "Threads",
]
