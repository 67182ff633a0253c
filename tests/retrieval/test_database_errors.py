"""Errors of a corpus database: ours, without the folders of the server, since callers of a server see them."""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path

import pytest

from retrieval.embedded.database import translated
from state.errors import CorpusBusy, CorpusCorrupt, DependencyUnavailable, StorageFull

PATH = Path("/srv/sixplane/corpora/acme/handbook/corpus.db")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (sqlite3.DatabaseError("database disk image is malformed"), CorpusCorrupt),
        (sqlite3.OperationalError("database or disk is full"), StorageFull),
        (sqlite3.OperationalError("database is locked"), CorpusBusy),
        (sqlite3.OperationalError("unable to open database file"), DependencyUnavailable),
        (OSError(errno.ENOSPC, "no space", str(PATH)), StorageFull),
        (PermissionError(errno.EACCES, "no", str(PATH)), DependencyUnavailable),
    ],
)
def test_an_error_names_the_corpus_and_no_folder_above(error: Exception, kind: type[DependencyUnavailable]) -> None:
    with pytest.raises(kind) as raised, translated(PATH):
        raise error
    told = f"{raised.value.message} {raised.value.hint}"
    assert type(raised.value) is kind
    assert "acme/handbook/corpus.db" in told
    assert "srv" not in told
