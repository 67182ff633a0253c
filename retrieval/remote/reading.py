"""Reads what stands at addresses, one after the other, each from a temporary folder that is removed afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from retrieval.documents import FailedFile, LoadedDocument
from retrieval.loaders import load_paths
from retrieval.loaders.canonical import well_formed
from retrieval.loaders.errors import LoadFault
from retrieval.remote import web
from retrieval.remote.addresses import is_stored, shown
from retrieval.remote.bucket import Bucket, place_of
from retrieval.remote.fetched import Fetched
from settings import Settings
from state.access import Labels
from state.errors import BadInput

Item = LoadedDocument | FailedFile


def load_addresses(addresses: Iterable[str], settings: Settings, audience: Labels | None = None) -> Iterator[Item]:
    """Yield the documents at addresses; their ids and sources are the addresses. What cannot be read is reported.

    Raises:
        BadInput: an address is malformed, or of the web while the settings allow none.
        SettingsInvalid: the OCI configuration is missing or wrong.
    """
    named = list(addresses)
    for address in named:  # before the first is fetched, as with paths
        if is_stored(address):
            place_of(address)
        elif not settings.data.remote.web:
            raise BadInput(
                "web addresses are not fetched", hint="set SIXPLANE_DATA__REMOTE__WEB=true, or download the file"
            )
    for address in named:
        try:
            yield from (_stored if is_stored(address) else _fetched)(address, settings, audience)
        except LoadFault as fault:
            source = address if is_stored(address) else shown(address)
            yield FailedFile(source=well_formed(source), reason=fault.reason)


def _fetched(address: str, settings: Settings, audience: Labels | None) -> Iterator[Item]:
    with TemporaryDirectory(prefix="sixplane-") as folder:
        yield from _read(asyncio.run(web.fetch(address, settings.data, Path(folder))), settings, audience)


def _stored(address: str, settings: Settings, audience: Labels | None) -> Iterator[Item]:
    place = place_of(address)
    bucket, found = Bucket(place, settings), False
    for listed in bucket.objects():
        found = True
        try:
            with TemporaryDirectory(prefix="sixplane-") as folder:
                yield from _read(bucket.fetch(listed, Path(folder)), settings, audience)
        except LoadFault as fault:
            yield FailedFile(source=place.address(listed.name), reason=fault.reason)
    if not found:
        raise LoadFault("no object has such a name; check the prefix")


def _read(fetched: Fetched, settings: Settings, audience: Labels | None) -> Iterator[Item]:
    """Yield what the file holds, named by its address."""
    if fetched.encoding is not None:
        data = settings.data.model_copy(update={"encoding": fetched.encoding})
        settings = settings.model_copy(update={"data": data})
    for item in load_paths([fetched.path], settings, audience):
        source = _named(item.source, fetched)
        if isinstance(item, FailedFile):
            yield item.model_copy(update={"source": source})
        else:
            renamed = {"document_id": _named(item.document_id, fetched), "source": source}
            yield item.model_copy(update=renamed)


def _named(given: str, fetched: Fetched) -> str:
    """Return the address in place of the file's name and of what stands before it; a part within the file stays."""
    return fetched.address + given.partition(fetched.path.name)[2]
