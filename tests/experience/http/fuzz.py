"""Runs schemathesis with every check on the served OpenAPI: `python -m tests.experience.http.fuzz [EXAMPLES]`.

`EXAMPLES` is the number of generated requests per operation; the coverage phase adds its own.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from pathlib import Path

import httpx

from retrieval import open_corpus
from settings import Settings
from tests.experience.conftest import write_documents
from tests.experience.http.conftest import served

# schemathesis sends the strings of a list in a multipart body as files. The server takes no file for a label, rightly,
# and the tool then reports now and then that a valid body was refused. A field of such a body has no type but text: the
# tool sends an object as `{}`, which is the name of an audience, and reports that the server takes it.
# A chat completion and a response may have parts that are no text in earlier messages, and not in the last one of the
# user. No schema can say so, and the tool reports that the server refuses what the schema allows.
# How many dimensions a vector has depends on the model, which the server chooses.
CONFIG = """
[[operations]]
include-path = "/v1/embeddings"
checks.positive_data_acceptance.enabled = false

[[operations]]
include-path = "/v1/chat/completions"
checks.positive_data_acceptance.enabled = false

[[operations]]
include-path = "/v1/responses"
checks.positive_data_acceptance.enabled = false

[[operations]]
include-path = "/v1/corpora/{corpus}/documents"
checks.positive_data_acceptance.enabled = false
checks.negative_data_rejection.enabled = false

[[operations]]
include-path = "/v1/corpora/{corpus}/documents/stream"
checks.positive_data_acceptance.enabled = false
checks.negative_data_rejection.enabled = false
"""


async def fuzz(home: Path, examples: int, *more: str) -> tuple[int, str]:
    """Return the exit status of schemathesis and its output."""
    schemathesis = str(Path(sys.executable).with_name("schemathesis"))
    config, document = home.parent / "schemathesis.toml", home.parent / "openapi.json"
    await asyncio.to_thread(config.write_text, CONFIG, encoding="utf-8")
    async with served(home, server={"max_waiting": 64}) as url:
        await asyncio.to_thread(document.write_text, await _document(url), encoding="utf-8")
        process = await asyncio.create_subprocess_exec(
            schemathesis, "--config-file", str(config), "run", str(document), "--url", url,
            "--header", "Authorization: Bearer root", "--checks", "all",
            "--max-examples", str(examples), "--workers", "1", "--no-color",
            "--suppress-health-check", "too_slow",  # it measures the machine, not the API
            *more,
            cwd=home, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        told, _ = await process.communicate()
    return process.returncode or 0, told.decode(errors="replace")


async def _document(url: str) -> str:
    """Return the served document without metadata filters.

    A filter may hold filters, and its keys are the caller's: the tool takes valid ones for invalid. What a filter may
    be is tried in `tests/retrieval/search`, with generated filters too.
    """
    async with httpx.AsyncClient(base_url=url) as asking:
        document = (await asking.get("/openapi.json", headers={"Authorization": "Bearer root"})).json()
    for schema in document["components"]["schemas"].values():
        schema.get("properties", {}).pop("where", None)
    return json.dumps(document)


async def main(examples: int) -> int:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        documents = await asyncio.to_thread(write_documents, Path(folder) / "docs")
        async with open_corpus(Settings(home=home), "default") as corpus:
            await corpus.ingest([documents])
        status, told = await fuzz(home, examples)
    sys.stdout.write(told)
    return status


if __name__ == "__main__":
    sys.exit(asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 50)))
