"""What the process that takes connections does by itself: it knows who sends a request, admits it, and answers probes.

It imports none of what the work needs (graphs, models, search, the bodies of requests), so that it starts in a fraction
of the time and holds a fraction of the memory. The process that works has the same middleware: it believes what this
one tells of a request, and in tests and other servers it takes connections itself.

- `app` puts the parts together, and `serving` serves them until SIGTERM.
- `admission` is who sends a request and whether there is a place for it; `quotas` counts requests, `request_ids` names
  them, and `foreign_pages` refuses those of other sites.
- `paths` lists the addresses that this process must tell apart, and `probes` answers the first of them.
"""
