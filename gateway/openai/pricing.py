"""Which `openai:` models may be called without a price: those of a server on this machine."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from state.errors import PriceUnknown

if TYPE_CHECKING:
    from settings import Settings


def check_priced(settings: Settings, model_id: str) -> None:
    """Raise unless the endpoint is on this machine, or the settings give the model a price.

    An endpoint elsewhere may bill, and a call that costs nothing in the ledger is held by no budget.

    Raises:
        PriceUnknown: the model has no price; the hint shows how to set one.
    """
    base_url = settings.openai.base_url
    if not base_url or is_loopback(base_url) or model_id in settings.models.prices_micro_usd:
        return
    host = urlsplit(base_url).hostname or base_url
    raise PriceUnknown(
        f"the price of the model {model_id!r} at {host} is not known, so no budget would hold",
        hint=f"set it in sixplane.toml, in micro-dollars per 1,000,000 tokens of prompt and answer: "
        f'`[models.prices_micro_usd]` and `"{model_id}" = [400000, 1600000]`; `[0, 0]` if it bills nothing',
    )


def is_loopback(url: str) -> bool:
    """Whether a URL names this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
