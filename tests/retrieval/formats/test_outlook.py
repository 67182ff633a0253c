"""Mails of Outlook: body, header, attachments and mails within mails."""

from __future__ import annotations

import struct
from datetime import UTC, datetime

import compressed_rtf
import pytest

from tests.retrieval.formats.compound import Tree, compound
from tests.retrieval.formats.loading import headings, one, refused, saved
from tests.retrieval.formats.test_archives import found

_HEADER_BYTES = {"message": 32, "embedded": 24, "other": 8}


def storage(kind: str, **properties: object) -> Tree:
    """Return the streams of a mail, a recipient or an attachment; `p0037="x"` is the property 0x0037."""
    tree: Tree = {}
    fixed = b""
    for name, value in properties.items():
        number = int(name[1:], 16)
        if isinstance(value, int):
            fixed += struct.pack("<HHIQ", 3, number, 6, value)
        elif isinstance(value, dict):
            tree[f"__substg1.0_{number:04X}000D"] = value
        elif isinstance(value, tuple):  # text in the code page of the mail
            tree[f"__substg1.0_{number:04X}001E"] = value[0]
        else:
            kind_of = "001F" if isinstance(value, str) else "0102"
            data = value.encode("utf-16-le") if isinstance(value, str) else value
            tree[f"__substg1.0_{number:04X}{kind_of}"] = data
    return {**tree, "__properties_version1.0": bytes(_HEADER_BYTES[kind]) + fixed}


def filetime(moment: datetime) -> int:
    return int((moment - datetime(1601, 1, 1, tzinfo=UTC)).total_seconds()) * 10_000_000


def test_a_mail_of_outlook_is_a_document_and_so_is_what_is_attached(tmp_path):
    attached = {
        "__attach_version1.0_#00000000": storage("other", p3707="data.csv", p3701=b"x,y\n1,2\n"),
        "__attach_version1.0_#00000001": storage(
            "other", p3001="Inner", p3701=storage("embedded", p0037="Inner mail", p1000="Within.")
        ),
        "__attach_version1.0_#00000002": storage("other", p3707="logo.png", p3712="cid1", p3701=b"\x89PNG"),
        "__attach_version1.0_#00000003": storage("other", p3707="far.txt"),
    }
    people = {
        "__recip_version1.0_#00000000": storage("other", p3001="Bob", p39FE="bob@example.org", p0C15=1),
        "__recip_version1.0_#00000001": storage("other", p3001="Eve", p3003="/O=X/CN=EVE", p0C15=2),
    }
    sent = filetime(datetime(2026, 3, 2, 9, 0, tzinfo=UTC))
    mail = storage("message", p0037="Plän", p1000="Hello.\r\n", p0C1A="Ann", p5D01="ann@example.org", p0039=sent)
    path = saved(tmp_path, "a.msg", compound({**mail, **people, **attached}))
    texts = found(path)
    assert texts == {
        "a.msg": (
            "Plän\n\nFrom: Ann <ann@example.org>\nTo: Bob <bob@example.org>\nCc: Eve\nDate: 2026-03-02 09:00 +0000\n"
            "Attachments: data.csv, Inner, far.txt\n\nHello."
        ),
        "a.msg!/data.csv": "x: 1; y: 2",
        "a.msg!/Inner": "Inner mail\n\nWithin.",
        "a.msg!/far.txt": "it is no file but an object or a link; save it with Outlook",
    }


@pytest.mark.parametrize(
    ("properties", "text"),
    [
        ({"p1000": ("Привет".encode("cp1251"),), "p3FFD": 1251}, "Привет"),
        ({"p1013": "<p>Grüße</p>".encode("cp1252"), "p3FDE": 1252}, "Grüße"),
        ({"p1013": "<p>Grüße</p>".encode(), "p3FDE": 99999}, "Grüße"),
        ({"p1000": "Same words.", "p1013": b"<p>Same <b>words</b>."}, "Same words."),
        ({"p1009": compressed_rtf.compress(rb"{\rtf1 Only RTF.\par}")}, "Only RTF."),
    ],
)
def test_a_body_is_read_in_each_of_its_forms(tmp_path, properties, text):
    document = one(saved(tmp_path, "a.msg", compound(storage("message", p0037="s", **properties))))
    assert document.text == f"s\n\n{text}"
    assert headings(document) == [(1, "s")]


def test_mails_within_mails_are_bounded(tmp_path):
    inner = storage("embedded", p0037="m", p1000="deep")
    for kind in (*["embedded"] * 8, "message"):
        attached = storage("other", p3707="m", p3701=inner)
        inner = {**storage(kind, p0037="m"), "__attach_version1.0_#00000000": attached}
    texts = found(saved(tmp_path, "a.msg", compound(inner)), limits={"containers": 3})
    assert list(texts) == ["a.msg", "a.msg!/m", "a.msg!/m!/m", "a.msg!/m!/m!/m", "a.msg!/m!/m!/m!/m"]


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (b"no mail", "damaged, or no mail"),
        (compound({"x": b"y"}), "it is no mail"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" * 80, "damaged"),
    ],
)
def test_what_is_no_mail_is_refused(tmp_path, given, reason):
    assert reason in refused(saved(tmp_path, "a.msg", given))
