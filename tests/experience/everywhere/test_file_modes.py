"""The home folder and everything in it can be opened by its owner alone."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from experience.doctor.health import check_health
from experience.render.files import write_report
from settings import load_settings
from settings.folders import open_to_others, private_folder
from tests.experience.reports import make_report


@pytest.fixture(autouse=True)
def _usual_umask() -> Iterator[None]:
    """The umask of most machines, which lets others read."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_every_missing_folder_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    private_folder(tmp_path / "a" / "b" / "c")
    assert [mode(tmp_path / part) for part in ("a", "a/b", "a/b/c")] == [0o700] * 3
    assert mode(tmp_path) == 0o755


def test_a_folder_that_exists_keeps_its_mode(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir(mode=0o750)
    private_folder(shared)
    assert mode(shared) == 0o750


def test_a_file_in_the_place_of_the_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    with pytest.raises(FileExistsError):
        private_folder(tmp_path / "home")


async def test_the_check_of_the_home_folder_tells_that_others_may_look_into_it(tmp_path: Path) -> None:
    home = tmp_path / "home"
    settings = load_settings(home=home)

    async def told() -> str:
        return next(check.detail for check in (await check_health(settings, None)).checks if check.name == "home")

    assert "other accounts" not in await told()
    assert not open_to_others(home)
    home.chmod(0o755)
    assert "chmod 700" in await told()


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_a_written_report_is_for_its_owner_alone_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    os.umask(umask)
    out = tmp_path / "new" / "out"
    assert {mode(path) for path in write_report(make_report(), out)} == {0o600}
    assert (mode(out), mode(out.parent)) == (0o700, 0o700)
