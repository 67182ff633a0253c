"""Lines of an audit trail that somebody forged with a hash that fits: each is a fault, and none ends a check early."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from observability.audit import AuditEvent, AuditKind, AuditTrail, chain, check_trail, files, operator
from settings import Settings
from state.errors import AuditUnavailable


def trail_with(home: Path, lines: int) -> AuditTrail:
    trail = AuditTrail(Settings(home=home), policy="3fd5")
    for _ in range(lines):
        trail.write(AuditEvent(kind=AuditKind.KEY, operation="create", actor=operator()))
    return trail


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"at": "t", "kind": 5, "object": ""},
        {"at": "t", "kind": "retention"},
        {"at": "t", "kind": "retention", "object": "lines:-1", "ids": 3},
        {"kind": "anchor"},
        {"kind": "anchor", "last": 7},
    ],
)
def test_a_line_without_its_fields_is_named_and_nothing_is_appended(tmp_path: Path, fields: dict[str, Any]) -> None:
    trail = trail_with(tmp_path, 3)
    line, link = chain.seal(4, fields, check_trail(trail.path).head)
    with trail.path.open("ab") as file:
        file.write(line)
    files.write_head(trail.path, link)
    fault = check_trail(trail.path).fault
    assert fault is not None
    assert fault.line == 4
    with pytest.raises(AuditUnavailable, match="damaged"):
        trail.write(AuditEvent(kind=AuditKind.KEY, operation="create", actor=operator()))


def test_a_line_that_is_nested_too_deeply_is_named(tmp_path: Path) -> None:
    trail = trail_with(tmp_path, 0)
    body = b'{"n":1,"x":' + b"[" * 50_000 + b"]" * 50_000 + b"}"
    trail.path.write_bytes(body[:-1] + b',"hash":"' + hashlib.sha256(body).hexdigest().encode() + b'"}\n')
    fault = check_trail(trail.path).fault
    assert fault is not None
    assert fault.line == 1


def test_an_anchor_cannot_stand_for_a_line_in_the_middle(tmp_path: Path) -> None:
    """It carries the hash of the line that it replaces: all that follows, and a head that was noted, would fit."""
    trail = trail_with(tmp_path, 5)
    noted = check_trail(trail.path).head
    lines = trail.path.read_bytes().splitlines(keepends=True)
    gone = chain.opened(lines[2])
    forged, _ = chain.seal(3, {"at": gone["at"], "kind": "anchor", "last": gone["hash"]}, gone["previous"])
    trail.path.write_bytes(b"".join([*lines[:2], forged, *lines[3:]]))
    fault = check_trail(trail.path, known=noted).fault
    assert fault is not None
    assert fault.line == 3


def test_a_line_that_was_written_anew_does_not_fit_the_next_one(tmp_path: Path) -> None:
    """Its own hash and its number are right, so that only the next line tells."""
    trail = trail_with(tmp_path, 5)
    lines = trail.path.read_bytes().splitlines(keepends=True)
    fields = {name: value for name, value in chain.opened(lines[2]).items() if name not in ("n", "previous", "hash")}
    forged, _ = chain.seal(3, {**fields, "principal": "somebody else"}, chain.opened(lines[2])["previous"])
    trail.path.write_bytes(b"".join([*lines[:2], forged, *lines[3:]]))
    fault = check_trail(trail.path).fault
    assert fault is not None
    assert fault.line == 4


def test_a_number_that_jumps_is_named(tmp_path: Path) -> None:
    trail = trail_with(tmp_path, 3)
    fields = {"at": "2026-01-01T00:00:00+00:00", "kind": "key", "object": ""}
    line, link = chain.seal(9, fields, check_trail(trail.path).head)
    trail.path.write_bytes(trail.path.read_bytes() + line)
    files.write_head(trail.path, link)
    fault = check_trail(trail.path).fault
    assert fault is not None
    assert fault.line == 4
