"""The addresses of a host, if all of them are public."""

from __future__ import annotations

import asyncio
import socket
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from retrieval.loaders.errors import LoadFault

_NAT64 = IPv6Network("64:ff9b::/96")
_UNICAST = IPv6Network("2000::/3")
"""All that is assigned. Python takes what is not for public, also ranges that hold IPv4 addresses of a network."""


async def public_addresses(host: str, port: int) -> list[str]:
    """Return the addresses of `host`, as the system resolves it.

    Raises:
        LoadFault: it has none, or one of them is private, of this machine or of its network.
    """
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise LoadFault(f"the host {host!r} is not known; check the address") from None
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    # One private address is enough: a name that resolves to both could lead to either.
    if not addresses or not all(map(is_public, addresses)):
        raise LoadFault(f"the host {host!r} is in a private network, from which nothing is fetched; download the file")
    return addresses


def is_public(address: str) -> bool:
    """Return whether an IP address is one of the public internet, also where it stands inside an IPv6 address."""
    found: IPv4Address | IPv6Address = ip_address(address.partition("%")[0])
    if isinstance(found, IPv6Address):
        within = [found.ipv4_mapped, found.sixtofour, *(found.teredo or ())]
        if found in _NAT64:
            within.append(IPv4Address(int(found) & 0xFFFFFFFF))
        if not (found in _UNICAST or found in _NAT64) or not all(
            is_public(str(each)) for each in within if each is not None
        ):
            return False
    return found.is_global and not found.is_multicast
