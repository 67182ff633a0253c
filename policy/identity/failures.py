"""Failed log-ins: counted for each address and each key, and slowed once they are too many.

The counts are those of this process. Whoever was right before with the same credentials never has to wait: else anybody
could lock out those who share an address with them, or whose key's id they know.
"""

from __future__ import annotations

import hashlib
import ipaddress
import logging
import math
import re
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from state.errors import RateLimited

MOST_SECONDS = 60
"""The longest wait. A chosen value: long for a program that guesses, bearable for a person with a new key."""

FORGET_SECONDS = 900.0
"""Failures are forgotten after this long without a further one."""

KEPT = 10_000
"""How many addresses and keys, and how many credentials that were right, are remembered. The oldest are dropped."""

_IPV6_CUSTOMER = 64
"""Bits of an IPv6 address that belong to its network. One sender usually has all addresses below them."""

_WITH_PORT = re.compile(r"(\d+\.\d+\.\d+\.\d+):\d+|\[([0-9A-Fa-f:.]+)\](?::\d+)?")

_log = logging.getLogger("sixplane.access")


class Source(NamedTuple):
    """Where a log-in comes from, or which key it tries."""

    kind: Literal["address", "key"]
    name: str


@dataclass
class _Count:
    failures: int = 0
    last: float = float("-inf")
    until: float = float("-inf")


class FailedLogins:
    """Counts failed log-ins by source.

    Args:
        per_address: failures of an address after which the next one has to wait.
        per_key: the same for a key.
        clock: measures the waits.
    """

    def __init__(self, *, per_address: int, per_key: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._free = {"address": per_address, "key": per_key}
        self._clock = clock
        self._counts: OrderedDict[Source, _Count] = OrderedDict()
        self._right: OrderedDict[bytes, None] = OrderedDict()

    @property
    def size(self) -> int:
        """How many sources and credentials are remembered."""
        return len(self._counts) + len(self._right)

    def check(self, sources: Sequence[Source], credentials: bytes) -> None:
        """Raise `RateLimited` if one of the sources has to wait, unless `credentials` (a hash) were right before."""
        if credentials in self._right:
            return
        now = self._clock()
        wait = max((self._counts[each].until - now for each in sources if each in self._counts), default=0.0)
        if wait > 0:
            raise RateLimited("too many log-ins have failed", retry_after=math.ceil(wait))

    def failed(self, sources: Sequence[Source], credentials: bytes) -> None:
        """Count a failed log-in, and log it."""
        self._right.pop(credentials, None)
        counted = [(each, self._count(each)) for each in sources]
        told = "; ".join(f"failed log-in {count.failures} of {_named(each)}" for each, count in counted)
        _log.warning(told or "failed log-in of an unknown sender")

    def succeeded(self, sources: Sequence[Source], credentials: bytes) -> None:
        """Remember that `credentials` were right, and forget the failures of their key.

        Those of the address stay: who has one key must not get further guesses at another by using it.
        """
        self._right[credentials] = None
        self._right.move_to_end(credentials)
        if len(self._right) > KEPT:
            self._right.popitem(last=False)
        for each in sources:
            if each.kind == "key":
                self._counts.pop(each, None)

    def _count(self, source: Source) -> _Count:
        now = self._clock()
        count = self._counts.setdefault(source, _Count())
        self._counts.move_to_end(source)
        if now - count.last > FORGET_SECONDS:
            count.failures = 0
        count.failures += 1
        count.last = now
        beyond = count.failures - self._free[source.kind]
        if beyond > 0:
            count.until = now + min(MOST_SECONDS, 2 ** min(beyond - 1, 10))
        if len(self._counts) > KEPT:
            self._counts.popitem(last=False)
        return count


def sources_of(address: str, key_id: str | None) -> tuple[Source, ...]:
    """Return the sources of a log-in. An address that is none, as of a Unix socket, is left out."""
    found = [Source("key", key_id)] if key_id else []
    network = _network(address)
    return (*([Source("address", network)] if network else []), *found)


def _network(address: str) -> str:
    """Return the address, or the network of an IPv6 address; empty for what is no address."""
    with_port = _WITH_PORT.fullmatch(address)  # so some proxies name their clients
    try:
        given = ipaddress.ip_address((with_port[1] or with_port[2]) if with_port else address.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(given, ipaddress.IPv4Address):
        return str(given)
    if given.ipv4_mapped is not None:
        return str(given.ipv4_mapped)
    return str(ipaddress.ip_network((given, _IPV6_CUSTOMER), strict=False))


def _named(source: Source) -> str:
    """Return the name of a source for the log: of an address, which is personal, a hash."""
    if source.kind == "key":
        return f"key {source.name}"
    return f"address {hashlib.sha256(source.name.encode()).hexdigest()[:12]}"
