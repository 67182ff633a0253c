"""A server on 127.0.0.1 that takes what the sinks of OCI send, and an OCI session that signs with a throw-away key."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from settings.connections.oci_session import OCISession


@dataclass
class Received:
    """One request, as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """Return the body, decoded."""
        return json.loads(self.body)


@dataclass
class SinkServer:
    """What came, and what is answered: `answers` first, then success."""

    url: str = ""
    received: list[Received] = field(default_factory=list)
    answers: deque[tuple[int, dict[str, Any]]] = field(default_factory=deque)
    delay_seconds: float = 0.0

    def metrics(self) -> list[dict[str, Any]]:
        """Return all metric objects that came."""
        return [item for each in self.received if each.path == "/20180401/metrics" for item in each.json["metricData"]]

    def events(self) -> list[dict[str, Any]]:
        """Return the decoded data of all log entries that came."""
        batches = [batch for each in self.received if "/logs/" in each.path for batch in each.json["logEntryBatches"]]
        return [json.loads(entry["data"]) for batch in batches for entry in batch["entries"]]

    async def answer(self, request: Request) -> Response:
        """Note the request and answer it."""
        self.received.append(Received(request.url.path, dict(request.headers), await request.body()))
        await asyncio.sleep(self.delay_seconds)
        if self.answers:
            status, body = self.answers.popleft()
            return JSONResponse(body, status_code=status)
        return JSONResponse({"failedMetricsCount": 0, "messageId": "m1"})


@contextmanager
def sink_server() -> Iterator[SinkServer]:
    """Run the server on a port of its own."""
    sinks = SinkServer()
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    sinks.url = f"http://127.0.0.1:{bound.getsockname()[1]}"
    app = Starlette(routes=[Route("/{path:path}", sinks.answer, methods=["POST"])])
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.005)
    yield sinks
    server.should_exit = True
    thread.join(5)
    bound.close()


def unused_address() -> str:
    """Return an address where nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


def throwaway_session(timeout: tuple[float, float] = (2.0, 5.0)) -> OCISession:
    """Return a session that signs with a new key."""
    from oci.signer import Signer

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
    config = {
        "tenancy": "ocid1.tenancy.oc1..t",
        "user": "ocid1.user.oc1..u",
        "fingerprint": ":".join(["20"] * 16),
        "region": "us-chicago-1",
        "key_content": pem,
    }
    signer = Signer(
        config["tenancy"],
        config["user"],
        config["fingerprint"],
        private_key_file_location=None,
        private_key_content=pem,
    )
    return OCISession(
        config=config,
        signer=signer,
        region="us-chicago-1",
        compartment_id="ocid1.compartment.oc1..c",
        timeout=timeout,
        inference_endpoint="https://inference.example",
    )
