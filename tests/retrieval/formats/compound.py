"""Writes small compound files (OLE), which `olefile` only reads."""

from __future__ import annotations

import struct

_SECTOR, _MINI = 512, 64
_MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_FREE, _END, _FAT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
Tree = dict[str, "bytes | Tree"]


def compound(tree: Tree) -> bytes:
    """Return a compound file with these streams and storages."""
    entries: list[list] = [["Root Entry", 5, _FREE, _END, 0]]
    mini, minifat = bytearray(), []

    def add(parent: int, children: Tree) -> None:
        # The children of a storage as a list: each is the right sibling of the one before it.
        before = None
        for name, content in sorted(children.items(), key=lambda pair: (len(pair[0]), pair[0].upper())):
            at = len(entries)
            entries.append([name, 1 if isinstance(content, dict) else 2, _FREE, 0, 0, _FREE])
            if before is None:
                entries[parent][2] = at
            else:
                entries[before][5] = at
            before = at
            if isinstance(content, dict):
                add(at, content)
                continue
            assert len(content) < 4096
            entries[at][3:5] = len(minifat) if content else _END, len(content)
            count = -(-len(content) // _MINI)
            minifat.extend([*range(len(minifat) + 1, len(minifat) + count), _END] if count else [])
            mini.extend(content.ljust(count * _MINI, b"\0"))

    add(0, tree)
    entries[0].append(_FREE)
    entries[0][3:5] = 0 if mini else _END, len(mini)
    directory = b"".join(map(_entry, entries))
    parts = [bytes(mini), directory, struct.pack(f"<{len(minifat)}I", *minifat)]
    fills = [b"\0", _entry(["", 0, _FREE, 0, 0, _FREE]), b"\xff"]
    padded = [part + fill * (-len(part) % _SECTOR // len(fill)) for part, fill in zip(parts, fills, strict=True)]
    fat: list[int] = []
    starts = []
    for part in padded:
        starts.append(len(fat) if part else _END)
        count = len(part) // _SECTOR
        fat += [*range(len(fat) + 1, len(fat) + count), _END] if count else []
    fat_at = len(fat)
    fat.append(_FAT)
    assert len(fat) <= _SECTOR // 4
    table = struct.pack(f"<{len(fat)}I", *fat).ljust(_SECTOR, b"\xff")
    sizes = (0, 1, starts[1], 0, 4096, starts[2], len(padded[2]) // _SECTOR, _END, 0)
    header = struct.pack("<8s16xHHHHH6x9I", _MAGIC, 0x3E, 3, 0xFFFE, 9, 6, *sizes)
    header += struct.pack("<109I", fat_at, *[_FREE] * 108)
    return header + b"".join(padded) + table


def _entry(entry: list) -> bytes:
    name, kind, child, start, size, sibling = entry
    encoded = name.encode("utf-16-le")
    stated = len(encoded) + 2 if name else 0
    return struct.pack("<64sHBBIII36xIQ", encoded, stated, kind, 1, _FREE, sibling, child, start, size)
