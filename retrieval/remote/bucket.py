"""Objects of OCI Object Storage, through OCI's SDK: `oci://BUCKET@NAMESPACE/PREFIX`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, unquote

from retrieval.loaders.errors import LoadFault
from retrieval.loaders.formats import format_of
from retrieval.remote.fetched import Fetched, file_name, too_large
from settings import Settings
from settings.connections.oci_session import open_oci_session
from state.errors import BadInput

_ADDRESS = re.compile(r"(?i:oci)://(?P<bucket>[^@/]+)@(?P<namespace>[^@/]+)(?:/(?P<prefix>.*))?", re.DOTALL)
_CHUNK = 1024 * 1024
_POLICY = "allow group … to read objects in compartment …"


class Place(NamedTuple):
    """A bucket of a namespace, and what the names of its objects begin with."""

    bucket: str
    namespace: str
    prefix: str

    def address(self, name: str) -> str:
        """Return the address of one object."""
        return f"oci://{self.bucket}@{self.namespace}/{quote(name)}"


class Listed(NamedTuple):
    """An object: its name and its size in bytes."""

    name: str
    size: int


def place_of(address: str) -> Place:
    """Return what an address names. Raises `BadInput` if it is none."""
    found = _ADDRESS.fullmatch(address)
    if found is None:
        raise BadInput(f"{address!r} is no address of a bucket", hint="write oci://BUCKET@NAMESPACE/PREFIX")
    return Place(found["bucket"], found["namespace"], unquote(found["prefix"] or ""))


class Bucket:
    """Reads the objects of one place.

    Raises:
        SettingsInvalid: the OCI configuration is missing or wrong.
        DependencyUnavailable: the metadata service of a principal does not answer.
    """

    def __init__(self, place: Place, settings: Settings) -> None:
        from oci.object_storage import ObjectStorageClient  # the SDK is slow to load

        session = open_oci_session(settings)
        self._client: Any = session.client(
            ObjectStorageClient, name="object-storage", endpoint=settings.data.remote.storage_endpoint
        )
        self._place, self._most = place, settings.data.max_file_bytes

    def objects(self) -> Iterator[Listed]:
        """Yield the objects in the order of their names; names with a hidden part are left out, as hidden files are.

        Raises:
            LoadFault: they cannot be listed.
        """
        start: str | None = None
        while True:
            options = {"prefix": self._place.prefix, "fields": "name,size", **({"start": start} if start else {})}
            listed = self._asked(
                partial(self._client.list_objects, self._place.namespace, self._place.bucket, **options)
            ).data
            for each in listed.objects:
                if not any(part.startswith(".") for part in each.name.split("/")) and not each.name.endswith("/"):
                    yield Listed(each.name, each.size or 0)
            start = listed.next_start_with
            if not start:
                return

    def fetch(self, listed: Listed, folder: Path) -> Fetched:
        """Store an object in `folder`.

        Raises:
            LoadFault: it cannot be read, is of no format that is read, or is larger than the settings allow.
        """
        from oci import base_client

        if format_of(Path(listed.name)) is None:
            raise LoadFault("unsupported format; convert it to PDF, HTML, DOCX or plain text")
        if listed.size > self._most:
            raise too_large(self._most)
        answer = self._asked(
            partial(self._client.get_object, self._place.namespace, self._place.bucket, listed.name)
        ).data
        path = folder / file_name(quote(listed.name))
        try:
            self._store(answer.raw, path)
        except base_client.urllib3.exceptions.HTTPError as error:  # the SDK gives the body as its urllib3 has it
            raise LoadFault(
                f"Object Storage sent a part of it only ({type(error).__name__}); check the network, and ingest again"
            ) from None
        return Fetched(path, self._place.address(listed.name))

    def _store(self, body: Any, path: Path) -> None:
        size = 0
        with path.open("wb") as file:
            for chunk in body.stream(_CHUNK, decode_content=False):
                size += len(chunk)
                if size > self._most:
                    raise too_large(self._most)
                file.write(chunk)

    def _asked(self, call: partial[Any]) -> Any:
        from oci.exceptions import ConnectTimeout, RequestException, ServiceError

        try:
            return call()
        except ServiceError as error:
            raise LoadFault(
                f"Object Storage answers {error.status} {error.code}; check bucket and namespace, and that a policy "
                f"says {_POLICY!r}"
            ) from None
        except (ConnectTimeout, RequestException) as error:
            raise LoadFault(
                f"Object Storage does not answer ({type(error).__name__}); check the region and the network"
            ) from None
