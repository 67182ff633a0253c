"""Connects to a Ray cluster: that of `RAY_ADDRESS`, or one of this machine that lives as long as the work.

A cluster of our own reports nothing to anybody, has no dashboard, listens on the loopback interface only and asks for
a token that no file holds. All of its processes die with ours, also if ours is killed.
"""

from __future__ import annotations

import asyncio
import importlib.util
import logging
import os
import secrets
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, TextIO, cast

from settings.folders import own_folder
from state.errors import BadInput, DependencyUnavailable

_log = logging.getLogger(__name__)

_TRIES = 3
"""Ray gives a cluster 30 seconds to start, and its parts 15; a machine that is busy may need longer than that."""

_OBJECT_STORE_BYTES = 128 * 1024 * 1024
"""The memory for values that are passed between processes. A chosen value: above Ray's least, 75 MiB."""

_SHORT = "/tmp" if os.name == "posix" else None  # noqa: S108 - the folder in it may be opened by us only
"""Where a cluster keeps its sockets and logs: the path of a socket may have only about 100 characters."""

_TOKEN = secrets.token_hex(32)
"""Made once for the process, because Ray reads it once."""

_QUIET = {
    # Ray asks for consent at `ray start` only, and reports by default where it was given once.
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # without it, Ray warns that this will become the default
}
_OWN = {
    **_QUIET,
    # Ray listens on all interfaces, unless the address of the node is 127.0.0.1. It replaces that address by the
    # machine's where clusters of several nodes are supported, so that support is switched off. Read on import.
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    "RAY_AUTH_MODE": "token",
    "RAY_AUTH_TOKEN": _TOKEN,  # without it, Ray writes one into the user's home folder
}


_RAYS_THREADS = "ray_"
"""How Ray names its own; the one that opens and closes a connection, where it prints too, is named alike."""


@dataclass(frozen=True)
class RayCluster:
    """An open connection.

    Args:
        own: whether the cluster was started for this work, on this machine.
        nodes: how many nodes were alive when it was opened.
        cpus: how many CPUs they had together.
    """

    own: bool
    nodes: int
    cpus: int


def check_ray() -> None:
    """Raise `DependencyUnavailable` if Ray is not installed, and `BadInput` if `RAY_ADDRESS` cannot be used."""
    if importlib.util.find_spec("ray") is None:
        raise DependencyUnavailable(
            "the package `ray` is not installed", hint="run `pip install 'sixplane[ray]'`, or use `--engine local`"
        )
    if "://" in ray_address():
        raise BadInput(
            "RAY_ADDRESS names a Ray Client server, which cannot run this",
            hint="run the command on a node of the cluster, with RAY_ADDRESS=auto or HOST:PORT of its head",
        )


def ray_address() -> str:
    """Return Ray's own variable `RAY_ADDRESS`: the cluster to use; empty for one of our own."""
    address = os.environ.get("RAY_ADDRESS", "")
    return "" if address == "local" else address


@asynccontextmanager
async def open_ray_cluster(cpus: int, *, object_store_bytes: int = _OBJECT_STORE_BYTES) -> AsyncIterator[RayCluster]:
    """Connect this process to a Ray cluster for the block, with `cpus` CPUs if it is one of our own.

    Raises:
        BadInput: `RAY_ADDRESS` cannot be used.
        DependencyUnavailable: Ray is not installed, the cluster cannot be reached, or none could be started.
    """
    check_ray()
    address = ray_address()
    with ExitStack() as stack:
        stack.enter_context(_environment(_QUIET if address else _OWN))
        stack.enter_context(_standard_output_is_ours())
        opening = _connected(address) if address else _started(cpus, object_store_bytes, stack)
        thread = await opening
        try:
            nodes, found = await _on(thread, _size)
            yield RayCluster(own=not address, nodes=nodes, cpus=found)
        finally:
            await asyncio.shield(_on(thread, _disconnected))
            thread.shutdown(wait=False)


async def _connected(address: str) -> ThreadPoolExecutor:
    thread = _thread()
    try:
        await _on(thread, _init, address=address)
    except Exception as error:  # Ray raises errors of many kinds, `Exception` itself among them
        thread.shutdown(wait=False)
        raise DependencyUnavailable(
            f"the Ray cluster at {address!r} cannot be used: {_first_line(error)}",
            hint="check RAY_ADDRESS, and that this machine is a node of the cluster with the same Ray and Python; "
            "without RAY_ADDRESS, a cluster is started on this machine",
        ) from error
    return thread


async def _started(cpus: int, object_store_bytes: int, stack: ExitStack) -> ThreadPoolExecutor:
    folder = stack.enter_context(own_folder("sixplane-ray-", _SHORT))
    given: dict[str, Any] = {
        "address": "local",
        "num_cpus": cpus,
        "include_dashboard": False,
        "object_store_memory": object_store_bytes,
        "_temp_dir": folder,
        # Ray's processes would start one worker before anybody asks for it.
        "_system_config": {"prestart_worker_first_driver": False, "enable_metrics_collection": False},
    }
    for left in reversed(range(_TRIES)):
        # The parts of a cluster die with the thread that started them, so that one that failed leaves none behind.
        thread = _thread()
        try:
            await _on(thread, _init, **given)
        except Exception as error:  # see above
            thread.shutdown(wait=False)
            if not left:
                raise DependencyUnavailable(
                    f"a Ray cluster on this machine did not start: {_first_line(error)}",
                    hint="try again when the machine is less busy, set RAY_ADDRESS, or use `--engine local`",
                ) from error
            _log.warning("a Ray cluster on this machine did not start; trying again")
        else:
            return thread
    raise AssertionError("unreachable")


def _init(**given: Any) -> None:
    import ray

    # Not in the main thread, where Ray would replace our handler of SIGTERM; of which it warns.
    ray_log = logging.getLogger("ray._private.worker")
    before = ray_log.level
    ray_log.setLevel(logging.ERROR)
    try:
        # Ray would print on our standard output what workers print on theirs.
        ray.init(**given, namespace="sixplane", configure_logging=False, log_to_driver=False)
    finally:
        ray_log.setLevel(before)


def _disconnected() -> None:
    import ray

    ray.shutdown()


def _size() -> tuple[int, int]:
    import ray

    return sum(bool(node["Alive"]) for node in ray.nodes()), int(ray.cluster_resources().get("CPU", 0))


def _thread() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix=_RAYS_THREADS)


async def _on(thread: ThreadPoolExecutor, call: Any, **given: Any) -> Any:
    return await asyncio.get_running_loop().run_in_executor(thread, lambda: call(**given))


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    """Set environment variables for the block, for Ray and the processes that it starts. The user's values stay."""
    added = {name: value for name, value in values.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)


@contextmanager
def _standard_output_is_ours() -> Iterator[None]:
    """Keep Ray's threads from our standard output for the block: commands print their result there, as JSON if asked.

    Ray prints there what its own processes report, as that a worker has died; no option prevents it.
    """
    before = sys.stdout
    sys.stdout = diverted = cast("TextIO", _Diverted(before))
    try:
        yield
    finally:
        if sys.stdout is diverted:
            sys.stdout = before


class _Diverted:
    """A stream that logs what Ray's threads write to it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        if not threading.current_thread().name.startswith(_RAYS_THREADS):
            return self._stream.write(text)
        if text.strip():
            _log.info("Ray: %s", text.strip())
        return len(text)


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
