"""Chosen values that bound a request before the service sees it."""

from __future__ import annotations

MAX_QUESTION = 8_000
"""Characters of a question. `policy.max_question_chars` has the same default."""

MAX_MESSAGES = 100
"""Messages of a conversation."""

MAX_BATCH = 32
"""Questions of one request. Larger batches belong to `sixplane batch`, which survives a lost connection."""

MAX_FILES = 100
"""Files of one upload. Its size is bounded by `server.max_upload_bytes`."""
