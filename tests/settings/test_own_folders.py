"""Temporary folders of processes that were killed are removed; those of living ones, and of others, stay."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from settings.folders import own_folder

HOLDS = """
import sys, time
from settings.folders import own_folder
with own_folder("own-", sys.argv[1]) as folder:
    print(folder, flush=True)
    time.sleep(600)
"""


def test_the_folder_of_a_killed_process_is_removed_by_the_next_and_that_of_a_living_one_stays(tmp_path: Path) -> None:
    foreign = tmp_path / "own-without-a-lock"
    foreign.mkdir()
    with subprocess.Popen([sys.executable, "-c", HOLDS, tmp_path], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        held = Path(other.stdout.readline().strip())
        (held / "socket").touch()
        with own_folder("own-", str(tmp_path)) as mine:
            assert {*tmp_path.iterdir()} == {foreign, held, Path(mine)}
        other.send_signal(signal.SIGKILL)
    assert held.is_dir()
    with own_folder("own-", str(tmp_path)) as mine:
        assert {*tmp_path.iterdir()} == {foreign, Path(mine)}
        assert Path(mine).stat().st_mode & 0o077 == 0
    assert [*tmp_path.iterdir()] == [foreign]
