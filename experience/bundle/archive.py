"""The zip file of a bundle, whose members alone decide each of its bytes.

Members are sorted and stored without compression, with fixed times and rights: the same members give the same bytes on
every machine. So a reader can pack what it has unpacked, and whatever differs was changed.
"""

from __future__ import annotations

import io
import re
import struct
import zipfile
from collections.abc import Mapping

from state.errors import BadInput

MAX_BYTES = 64 * 1024 * 1024
"""Most bytes of a bundle, which is built and checked in memory. A chosen limit."""

MAX_MEMBERS = 2000
"""Most members of a bundle. A chosen limit, far above the number of documents that a report cites."""

NAME = re.compile(r"[a-z]+\.(?:jsonl?|html)|documents/\d{4}\.txt")
"""Names of members. A name is only ever compared: nothing is unpacked to disk."""

_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a zip file can hold."""

_MODE = 0o100600
_MEMBER, _END = b"PK\x03\x04", b"PK\x01\x02"
_HEADER = struct.Struct("<4s5H3I2H")
_ENCRYPTED = 0x1
_HINT = "it is damaged or was not written by `sixplane export`; ask for it again"


def pack(members: Mapping[str, bytes]) -> bytes:
    """Return the zip file of `members`."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(members):
            info = zipfile.ZipInfo(name, _EPOCH)
            info.create_system = 3  # Unix, also where another system writes it
            info.external_attr = _MODE << 16
            archive.writestr(info, members[name])
    return buffer.getvalue()


def unpack(data: bytes) -> dict[str, bytes]:
    """Return the members of a bundle. Whether it has other bytes besides, only `pack` tells.

    The local headers are read from the beginning, as `pack` writes them, and no offset that the file states is
    followed: members cannot overlap, and together they are never larger than the file.

    Raises:
        BadInput: it is not a bundle.
    """
    if len(data) > MAX_BYTES:
        raise BadInput(f"the bundle has more than {MAX_BYTES} bytes", hint=_HINT)
    if not data.startswith(_MEMBER):
        raise BadInput("it is not a zip file with members", hint=_HINT)
    members: dict[str, bytes] = {}
    at = 0
    while data.startswith(_MEMBER, at):
        name, content, at = _member(data, at)
        if name in members or len(members) == MAX_MEMBERS:
            trouble = "occurs twice" if name in members else f"is one more than {MAX_MEMBERS}"
            raise BadInput(f"the member {name!r} of the bundle {trouble}", hint=_HINT)
        members[name] = content
    if not data.startswith(_END, at):
        raise BadInput(f"the bundle is damaged at byte {at}", hint=_HINT)
    return members


def _member(data: bytes, at: int) -> tuple[str, bytes, int]:
    """Return name and content of the member whose header stands at `at`, and the offset after it."""
    if len(data) < at + _HEADER.size:
        raise BadInput("the end of the bundle is missing", hint=_HINT)
    _, _, flags, method, _, _, _, packed, size, name_length, extra_length = _HEADER.unpack_from(data, at)
    begin = at + _HEADER.size + name_length
    raw = data[at + _HEADER.size : begin]
    name = raw.decode("ascii", "replace")
    if flags & _ENCRYPTED:
        raise BadInput("a member of the bundle is encrypted", hint=_HINT)
    if not NAME.fullmatch(name):
        raise BadInput(f"the bundle has a member that none has: {name[:80]!r}", hint=_HINT)
    if method != zipfile.ZIP_STORED or packed != size or extra_length:
        raise BadInput(f"the member {name!r} of the bundle is compressed or has extra fields", hint=_HINT)
    if len(data) < begin + size:
        raise BadInput("the end of the bundle is missing", hint=_HINT)
    return name, data[begin : begin + size], begin + size
