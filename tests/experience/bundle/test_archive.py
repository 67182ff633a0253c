"""One changed byte, or any other change of the file, is found."""

from __future__ import annotations

import io
import warnings
import zipfile

import pytest

from experience.bundle import MAX_BYTES, verify_bundle
from experience.bundle.archive import MAX_MEMBERS, pack, unpack
from state.errors import BadInput
from tests.experience.bundle.bundles import bundle_of, faults, forged


def is_refused(data: bytes) -> bool:
    try:
        return verify_bundle(data).outcome == "failed"
    except BadInput as error:
        return bool(error.hint)


async def test_the_same_contents_give_the_same_bytes_and_the_digest_is_that_of_the_file():
    first, second = await bundle_of(), await bundle_of()
    assert first.data == second.data
    assert first.digest == verify_bundle(first.data).digest
    with zipfile.ZipFile(io.BytesIO(first.data)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == sorted(archive.namelist())
        assert {(each.date_time, each.external_attr >> 16) for each in archive.infolist()} == {
            ((1980, 1, 1, 0, 0, 0), 0o100600)
        }


def test_the_form_of_the_file_is_the_same_with_every_version_of_python():
    # A reader packs the members again: with another form, bundles of other machines would fail.
    data = pack({"report.json": b"{}"})
    assert data.hex() == (
        "504b03041400000000000000210043bfa6a302000000020000000b0000007265706f72742e6a736f6e7b7d"
        "504b010214031400000000000000210043bfa6a302000000020000000b00000000000000000000008081000000007265706f72742e6a736f6e"
        "504b05060000000001000100390000002b0000000000"
    )


async def test_each_changed_byte_is_found():
    data = bytearray((await bundle_of()).data)
    assert not is_refused(bytes(data))
    begin = data.index(unpack(bytes(data))["report.html"])
    # Most bytes are those of the HTML: of these every 20th will do.
    html = set(range(begin, begin + len(unpack(bytes(data))["report.html"])))
    passed = []
    for at in (each for each in range(len(data)) if each not in html or each % 20 == 0):
        data[at] ^= 1
        passed += [] if is_refused(bytes(data)) else [at]
        data[at] ^= 1
    assert passed == []


async def test_a_cut_or_longer_file_is_refused():
    data = (await bundle_of()).data
    assert all(is_refused(data[:size]) for size in range(0, len(data), 501))
    assert is_refused(data[:-1])
    assert faults(data + b"\0") == [("zip", "")]
    assert faults(data + data) == [("zip", "")]


def renamed(members: dict[str, bytes]) -> None:
    members["documents/0002.txt"] = members.pop("documents/0001.txt")


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda members: members.pop("report.html"), [("member", "report.html")]),
        (lambda members: members.update({"extra.json": b"{}"}), [("member", "extra.json")]),
        (renamed, [("member", "documents/0001.txt"), ("member", "documents/0002.txt")]),
        (lambda members: members.update({"report.json": members["report.json"] + b" "}), [("member", "report.json")]),
        (
            lambda members: members.update({"manifest.json": members["manifest.json"].replace(b'"r1"', b'"r2"')}),
            [("manifest", "manifest.json")],
        ),
    ],
)
async def test_added_removed_renamed_and_changed_members_are_named(change, found):
    members = unpack((await bundle_of()).data)
    change(members)
    assert faults(pack(members)) == found


async def test_members_in_another_order_are_found_and_so_is_a_comment():
    members = unpack((await bundle_of()).data)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in reversed(members):
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), members[name])
    assert faults(buffer.getvalue()) == [("zip", "")]
    commented = io.BytesIO(pack(members))
    with zipfile.ZipFile(commented, "a") as archive:
        archive.comment = b"read me"
    assert faults(commented.getvalue()) == [("zip", "")]


def zipped(names: list[str], *, method: int = zipfile.ZIP_STORED, content: bytes = b"x") -> bytes:
    buffer = io.BytesIO()
    with warnings.catch_warnings(action="ignore"), zipfile.ZipFile(buffer, "w", method) as archive:
        for name in names:
            archive.writestr(name, content)
    return buffer.getvalue()


def encrypted(data: bytes) -> bytes:
    return data[:6] + bytes([data[6] | 1]) + data[7:]


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "not a zip file"),
        (b"PK", "not a zip file"),
        (b"%PDF-1.7", "not a zip file"),
        (zipped([]), "not a zip file"),
        (zipped(["manifest.json"]), "no valid `manifest.json`"),
        (zipped(["report.json"]), "no valid `manifest.json`"),
        (zipped(["report.json", "report.json"]), "occurs twice"),
        (zipped(["../../etc/passwd"]), "a member that none has"),
        (zipped(["/etc/passwd"]), "a member that none has"),
        (zipped(["documents\\0001.txt"]), "a member that none has"),
        (zipped(["documents/0001.txt/"]), "a member that none has"),
        (zipped(["bericht\u00e4.json"]), "a member that none has"),
        (zipped(["report.json"], method=zipfile.ZIP_DEFLATED, content=bytes(10**6)), "is compressed"),
        (encrypted(zipped(["report.json"])), "is encrypted"),
        (zipped([f"documents/{n:04}.txt" for n in range(MAX_MEMBERS + 1)]), f"one more than {MAX_MEMBERS}"),
        (b"PK\x03\x04" + bytes(MAX_BYTES), f"more than {MAX_BYTES} bytes"),
        (b"PK\x03\x04" + b"\xff" * 100, "encrypted"),
    ],
    ids=range(17),
)
def test_what_is_no_bundle_is_refused_with_a_reason_and_a_remedy(data, told):
    with pytest.raises(BadInput, match=told) as caught:
        verify_bundle(data)
    assert "sixplane export" in caught.value.hint


async def test_a_size_that_reaches_beyond_the_file_allocates_nothing():
    data = bytearray((await bundle_of()).data)
    data[18:26] = b"\xff\xff\xff\x7f" * 2
    with pytest.raises(BadInput, match="the end of the bundle is missing"):
        verify_bundle(bytes(data))


async def test_a_later_format_and_an_unknown_field_name_the_version_to_use():
    data = (await bundle_of()).data
    members = unpack(data)
    members["manifest.json"] = b'{"format": 2, "program": "sixplane 9.9", "new": 1}'
    with pytest.raises(BadInput, match="has the format 2") as caught:
        verify_bundle(pack(members))
    assert "sixplane 9.9" in caught.value.hint
    newer = forged(
        data, lambda members: members.update({"report.json": members["report.json"].replace(b"{", b'{"new": 1,', 1)})
    )
    with pytest.raises(BadInput, match=r"report\.json.*new") as caught:
        verify_bundle(newer)
    assert "sixplane" in caught.value.hint


@pytest.mark.parametrize("name", ["manifest.json", "report.json", "sources.json", "audit.jsonl"])
async def test_nesting_without_end_is_refused(name):
    data = (await bundle_of()).data
    nested = b"[" * 100_000
    if name == "manifest.json":
        members = unpack(data)
        members[name] = nested
        data = pack(members)
    else:
        data = forged(data, lambda members: members.update({name: nested}))
    assert is_refused(data)
