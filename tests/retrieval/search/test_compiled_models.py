"""A compiled model that was kept gives the same results; nothing that another account could have written is read."""

from __future__ import annotations

import errno
import logging
import os
import threading
from pathlib import Path
from typing import Any

import numpy as np
import openvino
import pytest
from openvino import opset13 as ops

from retrieval.embeddings import compiled
from retrieval.embeddings.compiled import compiled_model
from settings.folders import models_cache

DIGEST = "a model"


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    given = ops.parameter([2], np.float32, "given")
    path = tmp_path / "model.xml"
    openvino.save_model(openvino.Model([ops.multiply(given, np.array([3, 5], dtype=np.float32))], [given]), str(path))
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "models"


def result(model: Any) -> list[float]:
    (found,) = model.create_infer_request().infer([np.array([1, 2], dtype=np.float32)]).values()
    return [float(each) for each in found]


def kept(folder: Path) -> Path:
    (path,) = folder.iterdir()
    return path


def remove(weights: Path) -> None:
    """Take the model away, so that only a kept one can be used."""
    weights.unlink()
    weights.with_suffix(".bin").unlink()


def test_the_next_process_reads_what_the_first_has_compiled(weights: Path, folder: Path) -> None:
    assert result(compiled_model(weights, DIGEST, folder)) == [3, 10]
    if os.name != "nt":
        assert [oct(each.stat().st_mode & 0o777) for each in (folder, kept(folder))] == ["0o700", "0o600"]
    remove(weights)
    assert result(compiled_model(weights, DIGEST, folder)) == [3, 10]
    with pytest.raises(RuntimeError):
        compiled_model(weights, "another model", folder)


@pytest.mark.parametrize("cut", [0, 10, 1_000, -1], ids=["empty", "no-digest", "half", "last-byte"])
def test_a_damaged_file_is_made_anew(weights: Path, folder: Path, cut: int, caplog: pytest.LogCaptureFixture) -> None:
    compiled_model(weights, DIGEST, folder)
    whole = kept(folder).read_bytes()
    kept(folder).write_bytes(whole[:cut])
    with caplog.at_level(logging.WARNING):
        assert result(compiled_model(weights, DIGEST, folder)) == [3, 10]
    assert "is damaged and is made anew" in caplog.text
    assert len(kept(folder).read_bytes()) == len(whole)
    remove(weights)
    assert result(compiled_model(weights, DIGEST, folder)) == [3, 10]


@pytest.mark.skipif(os.name == "nt", reason="modes of POSIX")
@pytest.mark.parametrize("place", ["file", "folder", "link"])
def test_what_others_could_have_written_is_not_read(weights: Path, folder: Path, place: str) -> None:
    compiled_model(weights, DIGEST, folder)
    if place == "link":
        elsewhere = folder.parent / "elsewhere"
        kept(folder).rename(elsewhere)
        (folder / "link").symlink_to(elsewhere)
        (folder / "link").rename(folder / f"{compiled._key(openvino.Core(), openvino.get_version(), DIGEST)}.ovblob")
    else:
        (kept(folder) if place == "file" else folder).chmod(0o777)
    assert result(compiled_model(weights, DIGEST, folder)) == [3, 10]
    remove(weights)
    if place == "folder":  # nothing is written there either
        with pytest.raises(RuntimeError):
            compiled_model(weights, DIGEST, folder)


def test_without_a_folder_that_can_be_written_a_model_is_compiled_each_time(weights: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for folder in (None, tmp_path / "file" / "models"):
        assert result(compiled_model(weights, DIGEST, folder)) == [3, 10]


def test_processes_that_start_at_once_leave_one_whole_file(weights: Path, folder: Path) -> None:
    found: list[list[float]] = []
    threads = [
        threading.Thread(target=lambda: found.append(result(compiled_model(weights, DIGEST, folder)))) for _ in range(4)
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert found == [[3, 10]] * 4
    assert kept(folder).suffix == ".ovblob"


def test_what_is_old_goes(weights: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled_model(weights, "first", folder)
    first = kept(folder)
    left = folder / "left.part"
    left.touch()
    for path in (first, left):
        os.utime(path, (0, 0))
    monkeypatch.setattr(compiled, "_MOST_BYTES", first.stat().st_size)
    compiled_model(weights, "second", folder)
    assert kept(folder) != first


def test_nothing_is_kept_of_a_model_above_the_bound(
    weights: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiled, "_MOST_BYTES", weights.stat().st_size - 1)
    assert result(compiled_model(weights, DIGEST, folder)) == [3, 10]
    assert not folder.exists()


def test_the_newest_file_stays_whatever_its_size(weights: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled_model(weights, "first", folder)
    first = kept(folder)
    os.utime(first, (0, 0))
    compiled_model(weights, "second", folder)
    monkeypatch.setattr(compiled, "_MOST_BYTES", 1)
    compiled._tidy(folder)
    assert kept(folder) != first


def test_a_file_whose_time_of_use_cannot_be_set_is_used(
    weights: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled_model(weights, DIGEST, folder)

    def read_only(path: Path) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    monkeypatch.setattr(compiled.os, "utime", read_only)
    remove(weights)
    assert result(compiled_model(weights, DIGEST, folder)) == [3, 10]


@pytest.mark.skipif(os.name == "nt", reason="limits of POSIX")
def test_a_full_disk_leaves_no_part(weights: Path, folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    compiled_model(weights, DIGEST, folder)  # so that nothing else writes a file below
    kept(folder).unlink()
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        with caplog.at_level(logging.INFO):
            assert result(compiled_model(weights, DIGEST, folder)) == [3, 10]
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "the compiled model is not kept" in caplog.text
    assert not [*folder.iterdir()]


def test_the_folder_follows_the_xdg_specification(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert models_cache() == tmp_path / "sixplane" / "models"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert models_cache() == Path.home() / ".cache" / "sixplane" / "models"
