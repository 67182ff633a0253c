"""Compiled models on disk: OpenVINO compiles a model for a processor, which takes longer than reading the result.

A file is named by all that it depends on, written to a temporary name and renamed, so that any number of processes may
do so at once. Native code reads it: a file is taken only if its owner alone could have written it and its digest, which
stands first, is right. Whatever goes wrong costs a compilation and is no error.
"""

from __future__ import annotations

import hashlib
import io
import logging
import os
import stat
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from settings.folders import private_folder
from settings.process import OPENVINO, load_openvino

_SUFFIX = ".ovblob"
_MOST_BYTES = 256 << 20
"""Of all files together; the oldest go first, the newest stays. Nothing is kept of a model that is larger by itself. A
chosen value: the default model has 23 MB."""

_LEFT_SECONDS = 3600
"""After which a temporary file was left by a process that was killed. A chosen value, far above what writing takes."""

_log = logging.getLogger(__name__)


def compiled_model(weights: Path, digest: str, folder: Path | None) -> Any:
    """Return the model of the file `weights`, compiled for this processor. `folder` keeps it for the next time.

    Args:
        weights: the model, in a format that OpenVINO reads.
        digest: the SHA-256 of `weights`.
        folder: where compiled models are; `None`: nothing is kept.

    Raises:
        RuntimeError: OpenVINO cannot read the model.
    """
    openvino = load_openvino()
    core = openvino.Core()
    path = None if folder is None else folder / f"{_key(core, openvino.get_version(), digest)}{_SUFFIX}"
    if path is not None and (model := _kept(core, path)) is not None:
        return model
    model = core.compile_model(str(weights), "CPU", OPENVINO)
    if path is not None and weights.stat().st_size <= _MOST_BYTES:
        _keep(model, path)
    return model


def _key(core: Any, version: str, digest: str) -> str:
    """Return the digest of what a compiled model depends on."""
    processor = [core.get_property("CPU", name) for name in ("FULL_DEVICE_NAME", "OPTIMIZATION_CAPABILITIES")]
    parts = [digest, version, *map(str, processor), str(sorted(OPENVINO.items())), str(os.cpu_count())]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def _kept(core: Any, path: Path) -> Any | None:
    """Return the model that is kept in a file, if there is one that may be used."""
    try:
        blob = _trusted_bytes(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        _log.info("the compiled model `%s` cannot be used: %s", path.name, error.strerror or type(error).__name__)
        return None
    with suppress(OSError):  # a cache that cannot be written is as good
        os.utime(path)  # the file that was used last is removed last
    size = hashlib.sha256().digest_size
    if hashlib.sha256(blob[size:]).digest() == blob[:size]:
        try:
            return core.import_model(io.BytesIO(blob[size:]), "CPU", OPENVINO)
        except RuntimeError:
            pass  # written by a release that names itself the same: as good as damaged
    _log.warning("the compiled model `%s` is damaged and is made anew", path.name)
    return None


def _trusted_bytes(path: Path) -> bytes:
    """Return the content of a file that nobody but this user could have written.

    Raises:
        OSError: the file cannot be read, or others could have written it.
    """
    _check_owner(path.parent.lstat())
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    with os.fdopen(os.open(path, flags), "rb") as file:
        _check_owner(os.fstat(file.fileno()))
        return file.read()


def _check_owner(found: os.stat_result) -> None:
    """Raise `PermissionError` if another account owns a file or folder, or may write it. Not on Windows."""
    if not hasattr(os, "getuid"):
        return  # there a cache lies in the folder of the user's profile
    if found.st_uid != os.getuid() or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH) or stat.S_ISLNK(found.st_mode):
        raise PermissionError(None, "others may write it")


def _keep(model: Any, path: Path) -> None:
    stream = io.BytesIO()
    model.export_model(stream)
    blob = stream.getvalue()
    try:
        private_folder(path.parent)
        _check_owner(path.parent.lstat())
        _write(path, blob)
        _tidy(path.parent)
    except OSError as error:
        _log.info("the compiled model is not kept: %s", error.strerror or type(error).__name__)


def _write(path: Path, blob: bytes) -> None:
    """Write a file as a whole, or leave nothing."""
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as file:  # mode 0600
        part = Path(file.name)
        try:
            file.write(hashlib.sha256(blob).digest())
            file.write(blob)
            file.close()  # a full disk may show only here
            part.replace(path)
        except OSError:
            part.unlink(missing_ok=True)
            raise


def _tidy(folder: Path) -> None:
    """Remove what killed processes left, and the oldest models, but the newest, while all exceed `_MOST_BYTES`."""
    for part in folder.glob("*.part"):
        if part.stat().st_mtime < time.time() - _LEFT_SECONDS:
            part.unlink(missing_ok=True)
    total = 0
    found = sorted(((each.stat(), each) for each in folder.glob(f"*{_SUFFIX}")), key=_last_used, reverse=True)
    for place, (used, path) in enumerate(found):
        total += used.st_size
        if place and total > _MOST_BYTES:
            path.unlink(missing_ok=True)


def _last_used(found: tuple[os.stat_result, Path]) -> int:
    return found[0].st_mtime_ns
