"""What keeps the memory of a server flat: what the C library keeps of freed memory, and OpenVINO of earlier shapes."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from settings.process import OPENVINO, set_process_defaults

glibc = pytest.mark.skipif(not hasattr(os, "confstr") or "CS_GNU_LIBC_VERSION" not in os.confstr_names, reason="glibc")

# Eight threads allocate large blocks twice, and keep but a small one that stands behind them. Then glibc says how many
# heaps there are, and how many bytes in them are free.
PROGRAM = """
import ctypes, json, re, sys, tempfile, threading
from settings.process import bound_free_memory
if sys.argv[1] == "bounded":
    bound_free_memory()
library = ctypes.CDLL(None)
library.malloc.restype = library.fopen.restype = ctypes.c_void_p
library.malloc.argtypes, library.free.argtypes = [ctypes.c_size_t], [ctypes.c_void_p]
library.malloc_info.argtypes = [ctypes.c_int, ctypes.c_void_p]
library.fclose.argtypes = [ctypes.c_void_p]
library.fopen.argtypes = [ctypes.c_char_p, ctypes.c_char_p]
together = threading.Barrier(8)
def work():
    for _ in range(2):
        blocks = [library.malloc(2 << 20) for _ in range(4)]
        library.malloc(1 << 12)
        together.wait()
        for block in blocks:
            library.free(block)
threads = [threading.Thread(target=work) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
with tempfile.NamedTemporaryFile() as told:
    stream = library.fopen(told.name.encode(), b"w")
    library.malloc_info(0, stream)
    library.fclose(stream)
    said = told.read().decode()
heaps = re.findall("<heap nr.*?</heap>", said, re.S)
sizes = re.findall('type="(?:fast|rest)" count="[0-9]+" size="([0-9]+)"', "".join(heaps))
print(json.dumps({"heaps": len(heaps), "free": sum(map(int, sizes))}))
"""


def told(how: str, **environment: str) -> dict[str, int]:
    """Return what glibc says in a process that bounds its free memory, or does not."""
    given = {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "GLIBC_"))}
    command = [sys.executable, "-c", PROGRAM, how]
    answer = subprocess.run(command, env=given | environment, check=True, capture_output=True, text=True)
    return dict(json.loads(answer.stdout))


@glibc
def test_threads_share_two_heaps_which_give_freed_memory_back() -> None:
    before, after = told("as it is"), told("bounded")
    assert before["heaps"] > 2
    assert after["heaps"] == 2
    assert before["free"] > 8 << 20
    assert after["free"] < 1 << 20


@glibc
def test_the_users_own_values_hold() -> None:
    assert told("bounded", MALLOC_ARENA_MAX="3")["heaps"] == 3
    assert told("bounded", GLIBC_TUNABLES="glibc.malloc.arena_max=4")["heaps"] == 4


def test_few_kernels_are_kept_where_the_user_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ONEDNN_PRIMITIVE_CACHE_CAPACITY")  # set when `settings` was imported
    set_process_defaults()
    assert os.environ["ONEDNN_PRIMITIVE_CACHE_CAPACITY"] == OPENVINO["CPU_RUNTIME_CACHE_CAPACITY"] == "64"


SHAPES = """
import re
from retrieval import LocalEmbeddings
model = LocalEmbeddings()
def held():
    return int(re.search("RssAnon: *\\t* *([0-9]+)", open("/proc/self/status").read())[1])
for first in (1, 2):
    for words in range(first, 81, 2):
        model.embed_query(" ".join(["word"] * words))
    print(held())
"""


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="/proc")
def test_the_embedding_model_keeps_few_of_the_shapes_that_it_has_seen() -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ONEDNN_")}
    answer = subprocess.run([sys.executable, "-c", SHAPES], env=environment, check=True, capture_output=True, text=True)
    first, second = map(int, answer.stdout.split())
    assert second - first < 16 << 10


def test_what_goes_on_after_a_start_collects_garbage_as_often_as_python_would() -> None:
    code = """
import gc
usual = gc.get_threshold()
from settings.process import collect_seldom
from experience.cli.commands.operating.serve import prepare
from settings import load_settings
collect_seldom()
assert gc.get_threshold()[0] > usual[0]
prepare(load_settings())
assert gc.get_threshold() == usual
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_openvino_is_imported_without_what_reports_to_its_maker() -> None:
    code = """
import sys
from settings.process import load_openvino
assert load_openvino() is load_openvino() is sys.modules["openvino"]
assert not [name for name in sys.modules if name.startswith(("openvino_telemetry", "openvino.tools"))]
sys.modules["openvino_telemetry"] = None  # or else the next line makes its folder
import openvino.tools.ovc
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
