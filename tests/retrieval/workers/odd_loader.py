"""A loader for the tests of the process that reads files: the file says what its loader does."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

from retrieval.documents import LoadedDocument
from retrieval.loaders.canonical import document
from retrieval.loaders.source import Source


def load(given: Source) -> Iterator[LoadedDocument]:
    for line in given.path.read_text().splitlines():
        word, _, rest = line.partition(" ")
        if word == "text":
            yield document(given.path, rest, parser="odd", version="1", metadata={"pid": os.getpid()})
        elif word == "spin":
            Path(rest).write_text(str(os.getpid()))
            while True:
                pass
        elif word == "signal":
            os.kill(os.getpid(), signal.Signals[rest])
        elif word == "exit":
            os._exit(int(rest))
        elif word == "take":
            yield document(given.path, "x" * int(rest), parser="odd", version="1")
        elif word == "print":
            sys.stdout.write(rest)
            sys.stderr.write(rest)
