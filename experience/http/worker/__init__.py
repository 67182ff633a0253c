"""The work in a process of its own, so that it never delays who is told 401 or 429.

The process of `sixplane serve` takes connections, and answers what needs no work (`experience.http.front`). All else it
relays to a second process, which runs the application with the service opened.
Runs compute in Python and hold its global lock; in one process they would delay every refusal.

- `keeper` starts the second process, starts it again if it dies, and tells it to drain and to end.
- `process` is what runs in it, and `receiving` takes the requests there.
- `relay` hands a request over, as the messages of ASGI, on a connection of its own: `connections` makes them, and
  `frames` is how messages cross them.
- `room` is what the first process knows of the places for runs in the second.
"""

from __future__ import annotations

from experience.http.worker.keeper import Worker
from experience.http.worker.relay import Relay

__all__ = ["Relay", "Worker"]
