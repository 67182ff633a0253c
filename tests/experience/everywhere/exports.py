"""Threads to export, and what their bundles show, for the test of access labels."""

from __future__ import annotations

import io
import json
import sqlite3
import zipfile
from contextlib import closing
from pathlib import Path

from experience.bundle import verify_bundle
from tests.experience.service.helpers import ask, service_of

THREAD = "exported"
FILLING = " ".join(f"Room {number} is cleaned on day {number % 28 + 1} of each month." for number in range(60))


async def thread_of(home: Path, caller: str, question: str) -> str:
    """Return a thread of the caller's whose report cites the document of each label, as if it had lost audiences since.

    There is one run for all callers: the thread changes hands. Its documents have a second passage that is not cited.
    """
    if not (home / THREAD).exists():
        async with service_of(home) as service:
            await service.run(ask(question, THREAD, corpus="long"))
        (home / THREAD).touch()
    with closing(sqlite3.connect(home / "threads.db")) as database, database:
        database.execute("update threads set owner = ? where thread_id = ?", (caller, THREAD))
    return THREAD


def bundled(data: bytes) -> dict[str, str]:
    """Return how each document stands in a bundle, which must be sound. Only what is whole shows its uncited end."""
    result = verify_bundle(data)
    assert not result.faults
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        documents = json.loads(archive.read("sources.json"))["documents"]
        everything = b"".join(archive.read(name) for name in archive.namelist()).decode()
    shown = {each["source"]: each["shown"] for each in documents}
    assert result.outcome == ("pruned" if "quoted" in shown.values() else "verified")
    assert {label for label in shown if unquoted(label) in everything} == {
        label for label, how in shown.items() if how == "whole"
    }
    return shown


def unquoted(label: str) -> str:
    """Return the end of the long document of a label, which no report cites."""
    return f"The {label} office closes on Sundays."
