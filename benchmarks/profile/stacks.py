"""Sampled stacks, as py-spy's raw format holds them, as tables of functions and packages."""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

TOP = 20
STANDARD = "standard library"
_FRAME = re.compile(r"(?P<name>.+) \((?P<file>.+?)(?::\d+)?\)$")
_INSTALLED = re.compile(r".*/(?:site-packages|dist-packages)/")
_LIBRARY = re.compile(r".*/lib/python3\.\d+/")

WAITS = frozenset(
    {
        ("_worker", "concurrent/futures/thread.py"),
        ("_connection_worker_thread", "aiosqlite/core.py"),
        ("EpollSelector.select", "selectors.py"),
        ("KqueueSelector.select", "selectors.py"),
        ("Condition.wait", "threading.py"),
    }
)
"""Where threads wait for work. py-spy leaves waiting threads out only where the kernel tells it of them."""


class Function(NamedTuple):
    """A function, the file that it stands in, relative to its package's folder, and the package."""

    name: str
    file: str
    package: str


def own(lines: Iterable[str], *code: str) -> Counter[Function]:
    """Return how many samples found each function at the top of a stack, without those of a waiting thread.

    A line is `outermost;…;innermost COUNT`, a frame `function (file:line)`; lines of one function are taken together.
    `code` are the folders of our packages.
    """
    counted: Counter[Function] = Counter()
    for line in lines:
        stack, _, samples = line.rstrip().rpartition(" ")
        function = _function(stack.rpartition(";")[2], code)
        if (function.name, function.file) not in WAITS:
            counted[function] += int(samples)
    return counted


def _function(frame: str, code: Iterable[str]) -> Function:
    found = _FRAME.match(frame)
    if found is None:
        return Function(frame, "", STANDARD)
    name, file = found["name"], found["file"]
    for place in (_INSTALLED, _LIBRARY):
        short = place.sub("", file)
        if short != file:
            package = short.partition("/")[0].removesuffix(".py")
            return Function(name, short, STANDARD if package in sys.stdlib_module_names else package)
    short = next((file.removeprefix(f"{folder}/") for folder in code if file.startswith(f"{folder}/")), file)
    return Function(name, short, STANDARD if file.startswith("<") else short.partition("/")[0])


def tables(counted: Counter[Function], top: int = TOP) -> str:
    """Return the functions and the packages with most samples in Markdown, with their shares of all samples."""
    total = counted.total()
    functions = [
        f"| {rank} | {samples / total:.1%} | `{each.name}` | `{each.file}` |"
        for rank, (each, samples) in enumerate(counted.most_common(top), 1)
    ]
    rest = sum(samples for _, samples in counted.most_common()[top:])
    functions.append(f"| | {rest / total:.1%} | {max(0, len(counted) - top)} others | |")
    packages: Counter[str] = Counter()
    for each, samples in counted.items():
        packages[each.package] += samples
    shares = ", ".join(f"{name} {samples / total:.0%}" for name, samples in packages.most_common(top // 2))
    return "\n".join(
        ("| | own time | function | file |", "|---|---|---|---|", *functions, "", f"By package: {shares}.")
    )
