"""Environment variables of libraries, and what the C library is told. Nothing here overrides the user's own values."""

from __future__ import annotations

import atexit
import gc
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_DEFAULTS = {
    # Without it LangGraph only warns about types that no channel contains, and loads them from a checkpoint.
    "LANGGRAPH_STRICT_MSGPACK": "true",
    # The tokenizer would start a thread for each core, beside our own worker threads, and warn after a fork.
    "TOKENIZERS_PARALLELISM": "false",
    # What OpenVINO calculates with keeps by default 1,024 kernels, each made for one shape of the input: 400 MiB.
    "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "64",
}

OPENVINO = {"PERFORMANCE_HINT": "LATENCY", "CPU_RUNTIME_CACHE_CAPACITY": "64"}
"""How OpenVINO runs a model. It keeps what it has prepared for each shape of the input, by default 5,000 records of
each kind; `ONEDNN_PRIMITIVE_CACHE_CAPACITY` bounds a second store below this one. With both at their defaults, texts of
125 lengths in batches of one to four took 940 MiB, and more each time. With both at 64 memory stays, and so does the
time of an inference; with 0 it was half as long again."""

_CONVERTER = "openvino.tools.ovc"
_loading = threading.Lock()

_ARENAS = 2
"""How many heaps the threads of a server share, in place of eight for each core. Nearly all that they allocate is
Python's, under its global lock: they seldom wait for each other."""

_MAPPED_BYTES = 1 << 20
"""Blocks of this size and above come from the system and go back to it. The C library would raise the limit to 32 MiB
by itself, and keep blocks below it in the heaps."""

_YOUNG_OBJECTS = 50_000
"""How many objects a command makes before Python looks for garbage, in place of 700. A chosen value. Five runs of
`search` took 6 % less processor time than with 700."""

_USUAL = gc.get_threshold()
"""When the collector runs where nobody has changed that."""

_TRIMMED_BYTES = 4 << 20
"""How much free memory stays at the end of a heap."""

# The parameters of mallopt(3), and the variables by which a user sets them.
_OPTIONS = (
    (-8, "MALLOC_ARENA_MAX", _ARENAS),
    (-3, "MALLOC_MMAP_THRESHOLD_", _MAPPED_BYTES),
    (-1, "MALLOC_TRIM_THRESHOLD_", _TRIMMED_BYTES),
)


def set_process_defaults() -> None:
    """Enable strict deserialisation of checkpoints, no threads of the tokenizer, and few kept kernels."""
    for name, value in _DEFAULTS.items():
        os.environ.setdefault(name, value)


def otlp_endpoint_configured() -> bool:
    """Whether a standard `OTEL_EXPORTER_OTLP_*ENDPOINT` variable is set."""
    return any(os.environ.get(f"OTEL_EXPORTER_OTLP_{part}ENDPOINT") for part in ("", "TRACES_"))


def otlp_metrics_endpoint_configured() -> bool:
    """Whether a standard variable names an OTLP endpoint for metrics."""
    return any(os.environ.get(f"OTEL_EXPORTER_OTLP_{part}ENDPOINT") for part in ("", "METRICS_"))


def load_openvino() -> Any:
    """Return OpenVINO, imported without its converter of models, which nothing here uses.

    The converter takes 0.2 s to import. It also reports each import to its maker over the network, and makes a folder
    for that in the user's home. OpenVINO does without it; who imports it by its own name still gets it.
    """
    with _loading:
        if "openvino" not in sys.modules:
            sys.modules[_CONVERTER] = None  # type: ignore[assignment]  # importing it raises `ImportError`
        try:
            import openvino
        finally:
            if sys.modules.get(_CONVERTER, _loading) is None:
                del sys.modules[_CONVERTER]
        return openvino


@contextmanager
def collected_later() -> Iterator[None]:
    """Keep Python's garbage collector from running in the block, which imports modules.

    They stay, and it would go through all of them again and again: a tenth of what importing a graph takes.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def collect_seldom() -> None:
    """Let the collector run less often, and not at the end. For a process whose time is mostly its start.

    `collect_as_usual` ends the first.
    """
    gc.set_threshold(_YOUNG_OBJECTS, *_USUAL[1:])
    atexit.register(gc.freeze)  # the interpreter would search all modules for garbage before it ends


def collect_as_usual() -> None:
    """Let the collector run as often as Python would, for what goes on for long: its garbage piles up."""
    gc.set_threshold(*_USUAL)


def bound_free_memory() -> None:
    """Bound what glibc keeps of freed memory. For a process that lives long, called before it starts threads.

    glibc gives threads heaps of their own, and keeps in each the most that was ever needed: a server under load held
    150 MiB of free memory in 16 heaps. With another C library, and where `GLIBC_TUNABLES` is set, nothing is changed.
    """
    if sys.platform != "linux" or "GLIBC_TUNABLES" in os.environ:
        return
    import ctypes  # here: a command that prints its help has no use for it

    library = ctypes.CDLL(None)
    if not hasattr(library, "gnu_get_libc_version"):
        return
    for option, variable, value in _OPTIONS:
        if variable not in os.environ:
            library.mallopt(option, value)
