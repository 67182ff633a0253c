"""Trace files: shared by all traces, bounded in number, size and age; no line gets lost, and what must go is gone."""

from __future__ import annotations

import json
import os
import shutil
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from observability.trace_files import Removed, TraceBounds, TraceFiles

DAY = 86_400


def files_of(folder: Path, *, each: int = 10_000, total: int = 10_000_000, days: int | None = None) -> TraceFiles:
    return TraceFiles(folder, TraceBounds(each, total, days))


def record(trace: str, number: int = 0, **attributes: Any) -> dict[str, Any]:
    return {"type": "span", "trace_id": trace, "n": number, "attributes": attributes}


def kept(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.jsonl"))


def test_a_thousand_traces_are_few_files_with_every_line(tmp_path: Path) -> None:
    files = files_of(tmp_path)
    for number in range(1000):
        files.append(record(f"{number:032x}"))
    size = sum(path.stat().st_size for path in kept(tmp_path))
    assert len(kept(tmp_path)) == -(-size // 10_000)
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in kept(tmp_path))
    assert [each["trace_id"] for each in files.read(f"{7:032x}")] == [f"{7:032x}"]
    files.close()


def test_the_oldest_files_go_when_all_are_too_large_or_too_old(tmp_path: Path) -> None:
    files = files_of(tmp_path, total=30_000, days=3)
    for number in range(1000):
        files.append(record(f"{number:032x}"))
    assert sum(path.stat().st_size for path in kept(tmp_path)) <= 40_000
    assert files.read(f"{0:032x}") == []
    assert files.read(f"{999:032x}")
    oldest = kept(tmp_path)[0]
    os.utime(oldest, (time.time() - 4 * DAY,) * 2)
    size = oldest.stat().st_size
    assert files.sweep(dry_run=True) == Removed(1, size)
    assert oldest in kept(tmp_path)
    assert files.sweep() == Removed(1, size)
    assert oldest not in kept(tmp_path)
    assert files.read(f"{999:032x}")


def test_a_file_of_an_earlier_day_is_left_for_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = files_of(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(time, "gmtime", lambda: time.struct_time((2020, 1, 1, 0, 0, 0, 2, 1, 0)))
        files.append(record("a" * 32))
    files.append(record("b" * 32))
    earlier, today = kept(tmp_path)
    assert earlier.name == "2020-01-01.000001.jsonl"
    assert today.name > earlier.name
    assert [len(path.read_text().splitlines()) for path in (earlier, today)] == [1, 1]


@pytest.mark.parametrize("gone", [".lock", "*.jsonl"])
def test_files_that_somebody_deletes_are_made_anew(tmp_path: Path, gone: str) -> None:
    files = files_of(tmp_path / "traces")
    files.append(record("a" * 32))
    for path in (tmp_path / "traces").glob(gone):
        path.unlink()
    files.append(record("b" * 32))
    shutil.rmtree(tmp_path / "traces")
    files.append(record("c" * 32))
    assert [each["trace_id"] for each in files.read("c" * 32)] == ["c" * 32]
    assert (tmp_path / "traces" / ".lock").exists()


def test_forgetting_a_thread_deletes_its_traces_alone_and_loses_no_line_of_writers(tmp_path: Path) -> None:
    """Several writers go on, as several processes do, while the file is written anew."""
    theirs = {"sixplane.tenant": "t", "gen_ai.conversation.id": "gone"}
    writers = [files_of(tmp_path, each=1_000_000) for _ in range(3)]
    writers[0].append(record("a" * 32, **theirs))
    writers[1].append(record("a" * 32))
    writers[1].append(record("b" * 32, **{**theirs, "sixplane.tenant": "other"}))

    def write(files: TraceFiles) -> None:
        for number in range(300):
            files.append(record("c" * 32, number))

    threads = [threading.Thread(target=write, args=(files,)) for files in writers]
    for each in threads:
        each.start()
    files_of(tmp_path).forget([("t", "gone"), ("t", "unknown")])
    for each in threads:
        each.join()
    assert files_of(tmp_path).read("a" * 32) == []
    assert len(files_of(tmp_path).read("b" * 32)) == 1
    assert len(files_of(tmp_path).read("c" * 32)) == 900


def test_a_line_that_a_killed_process_left_incomplete_spoils_no_other(tmp_path: Path) -> None:
    files_of(tmp_path).append(record("a" * 32))
    (path,) = kept(tmp_path)
    with path.open("a") as file:
        file.write('{"trace_id": "b')
    files_of(tmp_path).append(record("c" * 32))
    (tmp_path / ("d" * 32 + ".jsonl")).write_text(json.dumps(record("d" * 32)) + "\n[1]\n")  # of an earlier release
    for trace in "acd":
        assert len(files_of(tmp_path).read(trace * 32)) == 1
    files_of(tmp_path).forget([("t", "none")])
