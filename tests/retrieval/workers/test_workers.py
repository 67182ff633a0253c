"""A file that hangs its reader, or ends it, is refused with the reason; the files before and after it are read."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from retrieval.documents import FailedFile, LoadedDocument
from retrieval.loaders.source import Source
from retrieval.loaders.workers import GivenUp, read_apart
from retrieval.loaders.workers.stopping import giving_up_at_the_end
from settings import Settings

LOADER = "tests.retrieval.workers.odd_loader"


def read(folder: Path, text: str, **limits: float) -> list[LoadedDocument | FailedFile]:
    return list(opened(folder, text, **limits))


def opened(folder: Path, text: str, **limits: float) -> Iterator[LoadedDocument | FailedFile]:
    path = folder / "file.odd"
    path.write_text(text)
    settings = Settings(data={"limits": limits})
    return read_apart(LOADER, Source(path, settings.data))


def gone(pid: int) -> None:
    """Wait until a process is no more. A zombie is no more; who adopts it may leave it so."""
    while True:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return
        if state == "Z":
            return
        time.sleep(0.02)


def written(path: Path) -> int:
    while not path.exists() or not path.read_text():
        time.sleep(0.02)
    return int(path.read_text())


@pytest.mark.parametrize(
    ("text", "limits", "reason"),
    [
        ("spin {folder}/pid", {"seconds": 0.2}, "reading it takes more than 0.2 seconds"),
        ("text four", {"characters": 3}, "its text has 4 characters, more than 3"),
        ("take 1000000000", {"memory_bytes": 2**28}, "reading it takes more than 268,435,456 bytes of memory"),
        ("signal SIGSEGV", {}, "its reader ended with SIGSEGV; save it again, or in another format"),
        ("exit 3", {}, "its reader ended with exit code 3; save it again, or in another format"),
    ],
)
def test_a_file_over_a_limit_is_refused_and_what_was_read_is_kept(
    tmp_path: Path, text: str, limits: dict[str, Any], reason: str
) -> None:
    before, refused = read(tmp_path, f"text one\n{text.format(folder=tmp_path)}\n", **limits)
    assert isinstance(before, LoadedDocument)
    for name in limits:
        reason += f"; split it, or raise SIXPLANE_DATA__LIMITS__{name.upper()}"
    assert refused == FailedFile(source=(tmp_path / "file.odd").as_posix(), reason=reason)
    (after,) = read(tmp_path, "text two")
    assert isinstance(after, LoadedDocument)
    assert after.text == "two"


def test_one_process_reads_file_after_file_and_is_silent(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    found = [*read(tmp_path, "text one\nprint secret\ntext two"), *read(tmp_path, "text three")]
    assert [item.text for item in found if isinstance(item, LoadedDocument)] == ["one", "two", "three"]
    assert len({item.metadata["pid"] for item in found if isinstance(item, LoadedDocument)} - {os.getpid()}) == 1
    assert capfd.readouterr() == ("", "")


def test_an_idle_process_that_has_ended_is_replaced(tmp_path: Path) -> None:
    (first,) = read(tmp_path, "text one")
    assert isinstance(first, LoadedDocument)
    os.kill(first.metadata["pid"], signal.SIGKILL)
    gone(first.metadata["pid"])
    (second,) = read(tmp_path, "text two")
    assert isinstance(second, LoadedDocument)


def test_a_file_that_is_not_read_to_its_end_ends_the_process(tmp_path: Path) -> None:
    items = opened(tmp_path, f"text one\nspin {tmp_path}/pid\n")
    assert isinstance(next(items), LoadedDocument)
    pid = written(tmp_path / "pid")
    items.close()
    gone(pid)


async def test_a_file_that_nobody_waits_for_any_more_is_given_up(tmp_path: Path) -> None:
    with giving_up_at_the_end():
        reading = asyncio.create_task(asyncio.to_thread(next, opened(tmp_path, f"spin {tmp_path}/pid\n")))
        pid = await asyncio.to_thread(written, tmp_path / "pid")
        assert not reading.done()
    with pytest.raises(GivenUp):
        await reading
    gone(pid)


def test_no_process_outlives_the_one_that_started_it(tmp_path: Path) -> None:
    (tmp_path / "file.odd").write_text(f"spin {tmp_path}/pid")
    code = f"""
from pathlib import Path
from retrieval.loaders.source import Source
from retrieval.loaders.workers import read_apart
from settings import Settings
list(read_apart({LOADER!r}, Source(Path({str(tmp_path / "file.odd")!r}), Settings().data)))
"""
    with subprocess.Popen([sys.executable, "-c", code]) as started:
        pid = written(tmp_path / "pid")
        started.kill()
    gone(pid)
