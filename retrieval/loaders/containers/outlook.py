"""Mails of Outlook (`.msg`): the mail is a document, and so are its attachments and the mails within it.

`olefile` reads the streams of the file; the properties in them are those of Microsoft's MS-OXMSG. `extract-msg` is GPL,
and `python-oxmsg` reads neither the mails within a mail nor encodings that it does not expect.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import compressed_rtf
import olefile

from retrieval.documents import FailedFile, LoadedDocument
from retrieval.loaders.canonical import decode
from retrieval.loaders.containers.letter import Header, Part, letter
from retrieval.loaders.containers.member import FreeNames, Member, Unpacking, last_part, named
from retrieval.loaders.errors import LoadFault, is_damage
from retrieval.loaders.rtf.document import rtf_text
from retrieval.loaders.source import Source

_PROPERTIES = "__properties_version1.0"
_HEADER_BYTES = {"message": 32, "embedded": 24, "other": 8}
_CODE_PAGES = {
    65001: "utf-8",
    1200: "utf-16-le",
    20127: "ascii",
    20866: "koi8_r",
    21866: "koi8_u",
    50220: "iso2022_jp",
    51932: "euc_jp",
    51949: "euc_kr",
    54936: "gb18030",
    **{28590 + part: f"iso8859_{part}" for part in (*range(1, 12), 13, 14, 15, 16)},
}
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
_PICTURES = (".png", ".gif", ".jpg", ".jpeg", ".bmp", ".emf", ".wmf", ".svg")


def load(given: Source) -> Iterator[LoadedDocument | Member | FailedFile]:
    """Yield the mail and what is attached to it."""
    try:
        with olefile.OleFileIO(given.path) as file:
            yield from _Reader(given).mail(_Storage(file, (), "message"), "")
    except LoadFault:
        raise
    except (OSError, IndexError, KeyError, ValueError) as error:
        if not is_damage(error):
            raise
        raise LoadFault("it is damaged, or no mail of Outlook; open and save it again with Outlook") from error


class _Reader:
    """Reads a mail and the mails within it."""

    def __init__(self, given: Source) -> None:
        self._given, self._limits = given, given.settings.limits
        self._unpacking = Unpacking(given)

    def mail(self, storage: _Storage, within: str, depth: int = 0) -> Iterator[LoadedDocument | Member | FailedFile]:
        """Yield a mail, which is itself a file if it is not `within` another, and what is attached to it."""
        if not storage.has_properties:
            raise LoadFault("it is no mail; open and save it again with Outlook")
        attached = _named_attachments(storage)
        path = self._given.path.as_posix()
        yield letter(
            Path(named(path, within) if within else path),
            _header(storage),
            [_body(storage)],
            list(attached),
            parser="olefile",
            nesting=self._limits.nesting,
        )
        for name, each in attached.items():
            place = named(within, name) if within else name
            inner = each.inner(0x3701)
            if inner is not None and inner.has_properties and depth < self._limits.containers:
                yield from self.mail(inner, place, depth + 1)
            elif (data := each.binary(0x3701)) is not None:
                yield self._unpacking.unpacked(place, io.BytesIO(data))
            else:
                yield self._unpacking.failed(place, "it is no file but an object or a link; save it with Outlook")


class _Storage:
    """A mail, an attachment or a recipient: a folder of streams, one for each property, named after its number."""

    def __init__(
        self, file: olefile.OleFileIO, path: tuple[str, ...], kind: str, pages: tuple[int, int] = (0, 0)
    ) -> None:
        self._file, self._path = file, path
        self._fixed = self._read_fixed(_HEADER_BYTES[kind])
        # The code page of a mail holds for what is attached to it.
        self._pages = (self.number(0x3FDE) or pages[0], self.number(0x3FFD) or pages[1])

    @property
    def has_properties(self) -> bool:
        """Whether it is a mail, and not an object of another program."""
        return bool(self._file.exists([*self._path, _PROPERTIES]))

    def text(self, number: int) -> str:
        """Return a text, empty if there is none."""
        data = self._stream(number, "001F")
        if data is not None:
            return data.decode("utf-16-le", "replace").rstrip("\0")
        data = self._stream(number, "001E")
        return self._decoded(data, self._pages[1] or self._pages[0]).rstrip("\0") if data else ""

    def binary(self, number: int) -> bytes | None:
        """Return bytes, or `None`."""
        return self._stream(number, "0102")

    def page(self) -> str:
        """Return the body as HTML."""
        data = self.binary(0x1013)
        return self._decoded(data, self._pages[0] or self._pages[1]) if data else self.text(0x1013)

    def number(self, number: int) -> int:
        """Return a whole number, 0 if there is none."""
        return int.from_bytes(self._fixed.get(number, b"")[:4], "little")

    def moment(self, number: int) -> datetime | None:
        """Return a time."""
        ticks = int.from_bytes(self._fixed.get(number, b""), "little")
        try:
            return _EPOCH + timedelta(seconds=ticks // 10_000_000) if ticks else None
        except OverflowError:
            return None

    def inner(self, number: int) -> _Storage | None:
        """Return the mail or object that is the value of a property."""
        path = (*self._path, f"__substg1.0_{number:04X}000D")
        return _Storage(self._file, path, "embedded", self._pages) if self._file.exists(list(path)) else None

    def all(self, prefix: str) -> list[_Storage]:
        """Return the storages in this one whose names begin so."""
        depth = len(self._path)
        paths = (tuple(path) for path in self._file.listdir(streams=False, storages=True) if len(path) == depth + 1)
        found = (path for path in paths if path[:depth] == self._path and path[depth].startswith(prefix))
        return [_Storage(self._file, path, "other", self._pages) for path in found]

    def _read_fixed(self, skipped: int) -> dict[int, bytes]:
        name = [*self._path, _PROPERTIES]
        data = self._file.openstream(name).read()[skipped:] if self._file.exists(name) else b""
        entries = (data[at : at + 16] for at in range(0, len(data) - 15, 16))
        return {int.from_bytes(entry[2:4], "little"): entry[8:] for entry in entries}

    def _stream(self, number: int, kind: str) -> bytes | None:
        name = [*self._path, f"__substg1.0_{number:04X}{kind}"]
        return bytes(self._file.openstream(name).read()) if self._file.exists(name) else None

    def _decoded(self, data: bytes, page: int) -> str:
        try:
            return data.decode(_CODE_PAGES.get(page, f"cp{page}"))
        except (LookupError, UnicodeError):
            return decode(data).text


def _body(storage: _Storage) -> Part:
    plain, page = storage.text(0x1000), storage.page()
    compressed = storage.binary(0x1009)
    if plain.strip() or page.strip() or not compressed:
        return Part(plain, page)
    return Part(plain=rtf_text(compressed_rtf.decompress(compressed)))


def _header(storage: _Storage) -> Header:
    kinds: dict[int, list[str]] = {1: [], 2: [], 3: []}
    for each in storage.all("__recip_version1.0_#"):
        address = each.text(0x39FE) or each.text(0x3003)
        kinds.setdefault(each.number(0x0C15), []).append(_person(each.text(0x3001), address))
    to, cc, bcc = (
        ", ".join(kinds[kind]) or storage.text(shown) for kind, shown in ((1, 0x0E04), (2, 0x0E03), (3, 0x0E02))
    )
    return Header(
        subject=storage.text(0x0037),
        sender=_person(storage.text(0x0C1A) or storage.text(0x0042), storage.text(0x5D01) or storage.text(0x0C1F)),
        to=to,
        cc=cc,
        bcc=bcc,
        date=storage.moment(0x0039) or storage.moment(0x0E06),
        message_id=storage.text(0x1035),
        in_reply_to=storage.text(0x1042),
    )


def _person(name: str, address: str) -> str:
    # Within a company, addresses are paths of a directory, which say nothing to a reader.
    address = address if "@" in address else ""
    return f"{name} <{address}>" if name and address and name != address else name or address


def _named_attachments(storage: _Storage) -> dict[str, _Storage]:
    """Return what is attached, by name, without the pictures that the page shows."""
    found: dict[str, _Storage] = {}
    names = FreeNames()
    for each in storage.all("__attach_version1.0_#"):
        name = last_part(each.text(0x3707) or each.text(0x3704) or each.text(0x3001)) or f"part-{len(found) + 1}"
        is_shown = bool(each.text(0x3712)) or each.number(0x7FFE) != 0
        if not (is_shown and name.lower().endswith(_PICTURES)):
            found[names.free(name)] = each
    return found
