"""A process that ingests a file and may be killed: `python -m tests.crash.ingest_victim FOLDER POINT`.

The folder holds `given.txt`; it gets the home and `encoded.log`, a line for each text as it is given to the encoder,
and at the end `report.json`. `POINT` is `encoding:N` (it kills itself when it is asked for the N-th slice),
`publishing` (the document is written but not committed), `indexing` (the index files are written but not named), or
`none`.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
import sys
from pathlib import Path
from typing import Any

import numpy as np
from langchain_core.embeddings import Embeddings

from retrieval import open_corpus
from retrieval.embedded import writes
from retrieval.embedded.indexes import Indexes
from settings import load_settings

SLICE = 16


class Logging(Embeddings):
    """Makes vectors from hashes, and logs every text before it is encoded."""

    model_id = "logging"
    texts_at_once = SLICE

    def __init__(self, log: Path, last: int) -> None:
        self._log, self._left = log, last

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        self._left -= 1
        with self._log.open("a", encoding="utf-8") as log:
            log.writelines(f"{hashlib.sha256(text.encode()).hexdigest()}\n" for text in texts)
        if not self._left:
            die()
        return [self.embed_query(text) for text in texts]

    def embed_query(self, text: str) -> list[float]:
        digest = hashlib.sha256(text.encode()).digest()
        return np.frombuffer(digest, dtype=np.uint8).astype(np.float32).tolist()  # type: ignore[no-any-return]


def die(*_: Any, **__: Any) -> None:
    """Die as if by the kernel's hand."""
    os.kill(os.getpid(), signal.SIGKILL)


async def main(folder: Path, point: str) -> None:
    """Ingest the file."""
    where, _, number = point.partition(":")
    if where == "publishing":
        writes._advance = die
    if where == "indexing":
        Indexes._publish = die  # type: ignore[method-assign]
    encoder = Logging(folder / "encoded.log", int(number or 0))
    os.chdir(folder)
    async with open_corpus(load_settings(home=folder / "home"), "c", embeddings=encoder) as corpus:
        report = await corpus.ingest(["given.txt"])
    (folder / "report.json").write_text(report.model_dump_json())


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
