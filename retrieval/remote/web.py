"""Fetches a file over HTTP(S) from the public internet, within limits.

The host's name is resolved here, and the connection is made to an address that was checked: the name cannot lead to
another one in between. Each redirect is checked in the same way. Proxies of the environment are not used, because a
proxy resolves names itself.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx

from retrieval.loaders.errors import LoadFault
from retrieval.remote.fetched import Fetched, file_name, too_large
from retrieval.remote.formats import charset_of, suffix_of
from retrieval.remote.public import public_addresses
from settings.tree import DataSettings, standard_ca_bundle

Resolve = Callable[[str, int], Awaitable[list[str]]]

_MOST_REDIRECTS = 5
_PORTS = {"http": 80, "https": 443}
_PORT_END = 2**16


async def fetch(
    address: str,
    settings: DataSettings,
    folder: Path,
    *,
    transport: httpx.AsyncBaseTransport | None = None,
    resolve: Resolve = public_addresses,
) -> Fetched:
    """Fetch a file into `folder`; its address stays the given one, without its fragment.

    The address that a redirect leads to may hold a signature, which changes each time and must not be stored.

    Args:
        address: of the file.
        settings: say how large it may be and how long it may take.
        folder: where it is stored.
        transport: sends the requests, instead of httpx's own.
        resolve: returns the addresses of a host and raises for one that nothing is fetched from.

    Raises:
        LoadFault: it cannot be fetched, or is over a limit.
    """
    seconds = settings.remote.seconds
    bundle = standard_ca_bundle()
    trust: ssl.SSLContext | bool = ssl.create_default_context(cafile=bundle) if bundle else True
    try:
        async with (
            asyncio.timeout(seconds),
            httpx.AsyncClient(transport=transport, trust_env=False, verify=trust, timeout=seconds) as client,
        ):
            return await _followed(client, httpx.URL(address), settings.max_file_bytes, folder, resolve)
    except (TimeoutError, httpx.TimeoutException):
        raise LoadFault(f"fetching takes more than {seconds:g} seconds; raise SIXPLANE_DATA__REMOTE__SECONDS") from None
    except (httpx.InvalidURL, UnicodeError):  # the second for a host name that cannot be encoded
        raise LoadFault("it is no address; check it") from None
    except httpx.HTTPError as error:
        raise LoadFault(f"it cannot be fetched ({type(error).__name__}); check the address and the network") from None


async def _followed(client: httpx.AsyncClient, given: httpx.URL, most: int, folder: Path, resolve: Resolve) -> Fetched:
    url = given
    for _ in range(_MOST_REDIRECTS + 1):
        _check(url)
        response = await _sent(client, url, await resolve(_ascii(url), url.port or _PORTS[url.scheme]))
        try:
            if not response.has_redirect_location:
                path, encoding = await _stored(response, url, most, folder)
                return Fetched(path, str(given.copy_with(fragment=None)), encoding)
            following = url.join(response.headers["location"])
        finally:
            await response.aclose()
        if url.scheme == "https" and following.scheme == "http":
            raise LoadFault("it leads from https to http; fetch it by its https address")
        url = following
    raise LoadFault(f"it leads to another address more than {_MOST_REDIRECTS} times; give the last one")


def _check(url: httpx.URL) -> None:
    if url.scheme not in _PORTS or not url.host:
        raise LoadFault("it leads to something else than an http or https address")
    if url.port is not None and not 0 < url.port < _PORT_END:
        raise LoadFault("its port is none; check the address")
    if url.userinfo:
        raise LoadFault("it holds a user name or a password, which would be stored; download the file")


def _ascii(url: httpx.URL) -> str:
    return url.raw_host.decode("ascii")


async def _sent(client: httpx.AsyncClient, url: httpx.URL, addresses: list[str]) -> httpx.Response:
    """Return the response of the first address that accepts a connection; its body is not read yet."""
    headers = {"host": url.netloc.decode("ascii"), "user-agent": "sixplane", "accept-encoding": "gzip"}
    for number, address in enumerate(addresses, 1):
        # The certificate is checked for the name, not for the address that the connection is made to.
        request = client.build_request(
            "GET", url.copy_with(host=address, fragment=None), headers=headers, extensions={"sni_hostname": _ascii(url)}
        )
        try:
            return await client.send(request, stream=True, follow_redirects=False)
        except (httpx.ConnectError, httpx.ConnectTimeout):
            if number == len(addresses):
                raise
    raise LoadFault("its host has no address")


async def _stored(response: httpx.Response, url: httpx.URL, most: int, folder: Path) -> tuple[Path, str | None]:
    """Store the body; return its file and its encoding where the server says one."""
    if response.status_code != httpx.codes.OK:
        raise LoadFault(f"its server answers with status {response.status_code}; check that it can be read by anybody")
    kind = response.headers.get("content-type", "")
    path = folder / file_name(url.path, suffix_of(kind, url.path))
    size = 0
    with path.open("wb") as file:
        async for chunk in response.aiter_bytes():
            size += len(chunk)
            if size > most:
                raise too_large(most)
            file.write(chunk)
    return path, charset_of(kind)
