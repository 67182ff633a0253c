"""Signed bundles: whose key it was, and that a signature can neither be removed nor moved."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from experience.bundle import private_key, public_key, verify_bundle
from experience.bundle.archive import pack, unpack
from experience.bundle.signing import signer_of
from experience.bundle.values import MANIFEST, SIGNATURE
from state.errors import BadInput
from tests.experience.bundle.bundles import bundle_of, edited, faults

OURS, THEIRS = (Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32) for number in (1, 2))
PEM = (Encoding.PEM, PrivateFormat.PKCS8)


async def test_a_signed_bundle_names_its_signer_and_is_the_same_file_each_time():
    data = (await bundle_of(key=OURS)).data
    assert (await bundle_of(key=OURS)).data == data
    signer = signer_of(OURS)
    assert SIGNATURE in unpack(data)
    result = verify_bundle(data, signer=signer)
    assert (result.outcome, result.signer, result.members) == ("verified", signer, 9)
    assert verify_bundle(data).signer == signer
    assert verify_bundle((await bundle_of()).data).signer == ""


@pytest.mark.parametrize(("key", "told"), [(None, "is not signed"), (THEIRS, "is signed with another key")])
async def test_a_bundle_that_is_not_signed_with_the_given_key_fails(key, told):
    result = verify_bundle((await bundle_of(key=key)).data, signer=signer_of(OURS))
    assert result.outcome == "failed"
    assert [each.detail for each in result.faults] == [f"the bundle {told}"]


async def test_a_signature_can_neither_be_removed_added_nor_moved_nor_survive_a_change():
    ours, theirs = unpack((await bundle_of(key=OURS)).data), unpack((await bundle_of(key=THEIRS)).data)
    removed = {name: data for name, data in ours.items() if name != SIGNATURE}
    assert faults(pack(removed)) == [("signature", SIGNATURE)]
    added = {**unpack((await bundle_of()).data), SIGNATURE: ours[SIGNATURE]}
    assert faults(pack(added)) == [("signature", SIGNATURE)]
    for moved in ({**theirs, SIGNATURE: ours[SIGNATURE]}, {**theirs, MANIFEST: ours[MANIFEST]}):
        assert ("signature", SIGNATURE) in faults(pack(moved))
    # Another report with a manifest that fits it: only the signature tells.
    changed = edited(pack(ours), "report.json", lambda report: report.update(trace_id="1" * 32))
    assert ("signature", SIGNATURE) in faults(changed)


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b'{"public_key": "x", "signature": "y"}', b"\xff"])
async def test_a_signature_that_is_none_is_refused(content):
    members = {**unpack((await bundle_of(key=OURS)).data), SIGNATURE: content}
    try:
        outcome = verify_bundle(pack(members)).outcome
    except BadInput as error:
        outcome = "failed" if SIGNATURE in error.message else error.message
    assert outcome == "failed"


def test_keys_are_read_from_pem_files(tmp_path):
    private, public = tmp_path / "key.pem", tmp_path / "key.pub.pem"
    private.write_bytes(OURS.private_bytes(*PEM, NoEncryption()))
    public.write_bytes(OURS.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    assert signer_of(private_key(private)) == signer_of(OURS) == public_key(public)


def test_what_is_no_such_key_is_refused_with_the_command_that_makes_one(tmp_path):
    path = tmp_path / "key.pem"
    other = rsa.generate_private_key(65537, 2048)
    wrong = (
        b"",
        b"no key",
        OURS.private_bytes(*PEM, BestAvailableEncryption(b"secret")),
        other.private_bytes(*PEM, NoEncryption()),
        other.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
    )
    for read in (private_key, public_key):
        with pytest.raises(BadInput, match="cannot be read") as missing:
            read(tmp_path / "none.pem")
        assert str(tmp_path) not in missing.value.message
        for content in wrong:
            path.write_bytes(content)
            with pytest.raises(BadInput) as caught:
                read(path)
            assert "openssl" in caught.value.hint
