"""Objects of OCI Object Storage, through the real SDK, from the local OCI that verifies signatures."""

from __future__ import annotations

import io
import zipfile
from unittest import mock

import pytest
from oci.base_client import urllib3
from oci.object_storage import ObjectStorageClient

from retrieval.documents import FailedFile, LoadedDocument
from retrieval.remote.bucket import place_of
from retrieval.remote.reading import load_addresses
from state.errors import BadInput
from tests.doubles.oci import LocalOCI
from tests.doubles.oci.session import local_settings


def packed():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("in it.txt", "Inside.")
    return buffer.getvalue()


OBJECTS = {
    "papers/.hidden.txt": b"Hidden.",
    "papers/2026/": b"",
    "papers/2026/On harbours.txt": b"Harbours open at seven.",
    "papers/large.txt": b"x" * 3000,
    "papers/more.zip": packed(),
    "papers/photo.png": b"PNG",
    "papers/z.md": b"# Tides\n\nTides turn.",
    "rest.txt": b"Elsewhere.",
}


@pytest.fixture(scope="module")
def oci():
    with LocalOCI(embed="hash", buckets={("space", "docs"): OBJECTS}) as served:
        yield served


@pytest.fixture
def settings(oci, tmp_path):
    data = {"remote": {"storage_endpoint": oci.url}, "max_file_bytes": 2000}
    return local_settings(oci, tmp_path / "home", data=data)


def test_objects_below_a_prefix_are_documents(oci, settings):
    items = list(load_addresses(["oci://docs@space/papers/"], settings))
    read = {item.document_id: (item.text, item.title) for item in items if isinstance(item, LoadedDocument)}
    assert read == {
        "oci://docs@space/papers/2026/On%20harbours.txt": ("Harbours open at seven.", "On-harbours"),
        "oci://docs@space/papers/more.zip!/in it.txt": ("Inside.", "in it"),
        "oci://docs@space/papers/z.md": ("Tides\n\nTides turn.", "Tides"),
    }
    failed = {item.source.rpartition("/")[2]: item.reason for item in items if isinstance(item, FailedFile)}
    assert failed.keys() == {"large.txt", "photo.png"}
    assert "more than 2,000 bytes" in failed["large.txt"]
    assert not oci.rejected
    # What is not read is not fetched.
    assert not [call for call in oci.calls if "large" in call.target or "photo" in call.target]


@pytest.mark.parametrize(
    ("address", "reason"),
    [("oci://none@space/", "BucketNotFound"), ("oci://docs@space/no-such", "no object has such a name")],
)
def test_what_is_not_there_is_reported(settings, address, reason):
    (failed,) = load_addresses([address], settings)
    assert isinstance(failed, FailedFile)
    assert failed.source == address
    assert reason in failed.reason


def test_an_object_that_breaks_off_is_reported_and_the_others_are_read(settings, monkeypatch):
    get = ObjectStorageClient.get_object

    def broken(self, namespace, bucket, name, **options):
        answer = get(self, namespace, bucket, name, **options)
        if name.endswith(".zip"):
            monkeypatch.setattr(
                answer.data.raw, "stream", mock.Mock(side_effect=urllib3.exceptions.ProtocolError("broken"))
            )
        return answer

    monkeypatch.setattr(ObjectStorageClient, "get_object", broken)
    items = list(load_addresses(["oci://docs@space/papers/"], settings))
    assert "part of it only" in next(item.reason for item in items if item.source.endswith("more.zip"))
    assert any(item.source.endswith("z.md") for item in items if isinstance(item, LoadedDocument))


def test_without_an_answer_the_remedy_is_named(oci, tmp_path):
    settings = local_settings(oci, tmp_path / "home", data={"remote": {"storage_endpoint": "http://127.0.0.1:9"}})
    (failed,) = load_addresses(["oci://docs@space"], settings)
    assert isinstance(failed, FailedFile)
    assert "does not answer" in failed.reason


def test_addresses_of_buckets():
    assert place_of("oci://docs@space/a%20b/c") == ("docs", "space", "a b/c")
    assert place_of("oci://docs@space") == ("docs", "space", "")
    with pytest.raises(BadInput):
        place_of("oci://docs/a")
