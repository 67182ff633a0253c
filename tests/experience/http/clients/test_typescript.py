"""The TypeScript client: its types are checked, and node runs it on a real server."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

CLIENT = Path(__file__).resolve().parents[4] / "clients" / "typescript"
COMPILER = CLIENT / "node_modules" / "typescript" / "bin" / "tsc"
STEPS = ["chats", "streams", "batches", "health", "errors", "reviews", "uploads", "reconnects"]
STEPS += ["waits", "givesUp", "aborts"]  # of streams that are lost


async def run(*command: str) -> str:
    """Return what a command prints, or fail with it."""
    process = await asyncio.create_subprocess_exec(
        *command, cwd=CLIENT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    told, _ = await process.communicate()
    assert process.returncode == 0, told.decode()[-4000:]
    return told.decode()


@pytest.fixture
def node():
    found = shutil.which("node")
    if found is None or not COMPILER.is_file():
        pytest.skip("needs Node 20 or later, and `npm ci` in clients/typescript")
    return found


@pytest.mark.long  # the compiler alone takes seconds
async def test_the_client_is_checked_and_runs_on_a_server(url, node):
    await run(node, str(COMPILER), "--noEmit")
    built = CLIENT / "build"
    await run(node, str(COMPILER), "--outDir", str(built))
    asked = ("small", "What is the price of Tariff A?", "12 dollars")
    told = await run(node, str(built / "test" / "live.js"), url, "ann", "root", *asked)
    assert told.split() == STEPS
