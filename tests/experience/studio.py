"""LangGraph's server, started as `make studio` starts it, on a home folder of the test's own."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx

ROOT = Path(__file__).parents[2]
QUIET = {
    "LANGSMITH_TRACING": "false",
    "LANGGRAPH_CLI_NO_ANALYTICS": "1",
    "NO_COLOR": "1",
}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def studio(home: Path, log: Path) -> AsyncIterator[str]:
    """Yield the address of `langgraph dev`; the detector of blocking calls is on."""
    port = free_port()
    process = await asyncio.to_thread(_start, home, log, port)
    try:
        url = f"http://127.0.0.1:{port}"
        await _ready(url, process, log)
        yield url
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await asyncio.to_thread(process.wait, 10)


def _start(home: Path, log: Path, port: int) -> subprocess.Popen[bytes]:
    """Start the server in the log's folder, where it keeps its state, on the repository's own configuration."""
    config = json.loads((ROOT / "langgraph.json").read_text())
    config["dependencies"] = [str(ROOT)]
    for part in (config["graphs"]["research"], config["checkpointer"]):
        part["path"] = str(ROOT / part["path"])
    (log.parent / "langgraph.json").write_text(json.dumps(config))
    langgraph = str(Path(sys.executable).with_name("langgraph"))
    command = [langgraph, "dev", "--no-browser", "--no-reload", "--port", str(port)]
    environment = {**os.environ, **QUIET, "SIXPLANE_HOME": str(home)}
    with log.open("wb") as output:
        return subprocess.Popen(
            command, cwd=log.parent, env=environment, stdout=output, stderr=output, start_new_session=True
        )


async def _ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    async with httpx.AsyncClient() as client:
        while process.poll() is None:
            try:
                if (await client.get(f"{url}/ok")).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.2)
    told = await asyncio.to_thread(log.read_text)
    raise RuntimeError(f"the server does not answer: {told[-2000:]}")
