"""ZIP and TAR archives, and compressed files. Nothing is written under the names that an archive gives.

Links, devices, encrypted members and names that lead out of the archive are reported; hidden files are skipped.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

from retrieval.documents import FailedFile
from retrieval.loaders.containers.member import Counted, Counter, Member, Overfull, Unpacking, inner_name, is_hidden
from retrieval.loaders.encodings import guess
from retrieval.loaders.errors import LoadFault, is_damage
from retrieval.loaders.source import Source

_DAMAGED = (
    *(zipfile.BadZipFile, tarfile.TarError, lzma.LZMAError, zlib.error),
    *(EOFError, RuntimeError, OSError, ValueError),
)
"""`zipfile` raises `RuntimeError` for unknown compression (`NotImplementedError`), `bz2` and `gzip` `OSError`."""
_LINK = "it is a link, which is not followed; ingest the file that it leads to"
_ENCRYPTED = "it is encrypted; unpack the archive with its password and ingest the folder"
_BROKEN = "it is damaged; pack the archive again"
_COMPRESSED = ((b"\x1f\x8b", gzip.open), (b"BZh", bz2.open), (b"\xfd7zXZ\0", lzma.open))
_TAR_MAGIC_AT = 257
_TAR_SUFFIXES = (".tgz", ".tbz2", ".txz")
_UTF8_NAME = 0x800
_IS_ENCRYPTED = 0x1


def load(given: Source) -> Iterator[Member | FailedFile]:
    """Yield the members in the order of the archive. Those before a damaged place are read."""
    unpacking = Unpacking(given)
    try:
        if zipfile.is_zipfile(given.path):
            yield from _of_zip(given.path, unpacking)
        else:
            yield from _of_stream(given, unpacking)
    except LoadFault:
        raise
    except _DAMAGED as error:
        if not is_damage(error):
            raise
        raise LoadFault("it is damaged, or no archive; pack it again") from error


def _of_zip(path: Path, unpacking: Unpacking) -> Iterator[Member | FailedFile]:
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            if entry.is_dir():
                continue
            name = _name_in_zip(entry)
            try:
                name = inner_name(name)
                if not is_hidden(name):
                    yield _unzipped(archive, entry, name, unpacking)
            except Overfull:
                raise
            except LoadFault as fault:
                yield unpacking.failed(name, fault.reason)


def _unzipped(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, name: str, unpacking: Unpacking) -> Member:
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise LoadFault(_LINK)
    if entry.flag_bits & _IS_ENCRYPTED:
        raise LoadFault(_ENCRYPTED)
    try:
        with archive.open(entry) as stream:
            return unpacking.unpacked(name, stream)
    except LoadFault:
        raise
    except NotImplementedError as error:
        raise LoadFault("its compression is not known; pack the archive again") from error
    except _DAMAGED as error:
        if not is_damage(error):
            raise
        raise LoadFault(_BROKEN) from error


def _name_in_zip(entry: zipfile.ZipInfo) -> str:
    """Return the name of a member. Many programs write UTF-8 or the encoding of their country and do not say so."""
    if entry.flag_bits & _UTF8_NAME or entry.filename.isascii():
        return entry.filename
    try:
        data = entry.filename.encode("cp437")  # what `zipfile` takes for it
        return data.decode("utf-8")
    except UnicodeEncodeError:
        return entry.filename
    except UnicodeDecodeError:
        encoding = guess(data)
        return data.decode(encoding, "replace") if encoding else entry.filename


def _of_stream(given: Source, unpacking: Unpacking) -> Iterator[Member | FailedFile]:
    with given.path.open("rb") as file:
        start = file.read(8)
    opened = next((opener for magic, opener in _COMPRESSED if start.startswith(magic)), None)
    with given.path.open("rb") if opened is None else cast("IO[bytes]", opened(given.path, "rb")) as stream:
        is_tar = opened is None or given.path.suffix.lower() in _TAR_SUFFIXES
        if not is_tar and not stream.read(_TAR_MAGIC_AT + 5).endswith(b"ustar"):
            stream.seek(0)
            yield unpacking.unpacked(inner_name(given.path.stem), stream)
            return
        stream.seek(0)
        # As a stream, so that headers are counted too: they may be as long as they like.
        with tarfile.open(fileobj=cast("IO[bytes]", Counted(stream, Counter(given))), mode="r|") as archive:
            for entry in archive:
                if not entry.isdir():
                    yield from _of_tar(archive, entry, unpacking)


def _of_tar(archive: tarfile.TarFile, entry: tarfile.TarInfo, unpacking: Unpacking) -> Iterator[Member | FailedFile]:
    try:
        name = inner_name(entry.name)
    except LoadFault as fault:
        yield unpacking.failed(entry.name, fault.reason)
        return
    stream = archive.extractfile(entry) if entry.isreg() else None
    if is_hidden(name):
        return
    if stream is not None:
        yield unpacking.unpacked(name, stream)
    else:
        yield unpacking.failed(name, _LINK if entry.issym() or entry.islnk() else "it is not a regular file")
