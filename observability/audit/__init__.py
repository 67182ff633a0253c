"""The audit trail: who did what, on what, with which outcome, under which policy; never any content.

One file of JSON lines, chained by SHA-256 and written by all processes of a home folder:

```python
trail = AuditTrail(load_settings(), policy="3fd5…")
async with trail.change(AuditEvent(kind=AuditKind.DELETE, operation="delete", object="thread:t-1", actor=operator())):
    ...
```
"""

from __future__ import annotations

from observability.audit.checking import Checked, Fault, check_lines, check_trail
from observability.audit.events import Actor, AuditEvent, Outcome, named, operator
from observability.audit.reading import lines_about, read_lines
from observability.audit.trail import AuditTrail, Noted, trail_path
from state.audit_kinds import AuditKind

__all__ = [
    "Actor",
    "AuditEvent",
    "AuditKind",
    "AuditTrail",
    "Checked",
    "Fault",
    "Noted",
    "Outcome",
    "check_lines",
    "check_trail",
    "lines_about",
    "named",
    "operator",
    "read_lines",
    "trail_path",
]
