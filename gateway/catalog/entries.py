"""One entry of the catalogue: what a model can do, what it costs, and until when and where it answers."""

from __future__ import annotations

import datetime as dt
from typing import Literal

from state.errors import PriceUnknown
from state.values import Value

Unit = Literal["tokens", "characters", "searches", "milliseconds"]
Mode = Literal["on_demand", "dedicated", "proxied"]
"""How OCI serves a model: by the call, on a cluster of one's own, or by the call through another provider."""
Surface = Literal["native", "chat_completions", "responses"]
"""On which API of OCI a model answers: its own, or one of the two that are compatible with OpenAI's."""

SERVICES = frozenset({"guard", "search"})
"""Capabilities of services that are no models: guardrails, and managed sources."""

SPECIAL = SERVICES | {"embedding", "rerank"}
"""Capabilities of what does not chat."""

_PER: dict[Unit, int] = {"tokens": 1_000_000, "characters": 10_000, "searches": 1_000, "milliseconds": 3_600_000}

_RULES = {
    "": "",
    "P1": "a month or more after a replacement is released",
    "P6": "six months or more after a replacement is released",
    "delisted": "no longer in Oracle's table of on-demand models",
    "retired": "retired",
}


class Tier(Value):
    """The prices of a whole call whose prompt is longer than `above` units."""

    above: int
    input_price: int
    output_price: int
    input_sku: str = ""
    output_sku: str = ""


class ModelEntry(Value):
    """One model, or a pattern of models such as `openai:*`. Prices are micro-dollars per unit, `None` if unknown.

    `retires` is the last day of on-demand calls, or a rule: `P1` or `P6`, `not before DATE`, `delisted`, `retired`.
    `modes`, `regions` (of on-demand calls) and `surfaces` are empty where they are not known. A SKU is Oracle's part
    number of the price. `longest_ms` is the longest that a call can take, for a model that bills time.
    """

    id: str
    provider: str
    api_format: str
    context_window: int
    output_cap: int
    unit: Unit
    input_price: int | None = None
    output_price: int | None = None
    input_sku: str = ""
    output_sku: str = ""
    longest_ms: int = 0
    tiers: tuple[Tier, ...] = ()
    capabilities: tuple[str, ...] = ()
    use_cases: tuple[str, ...] = ()
    modes: tuple[Mode, ...] = ()
    regions: tuple[str, ...] = ()
    surfaces: tuple[Surface, ...] = ()
    retires: dt.date | str = ""
    replacement: str = ""
    source: str
    date: str

    @property
    def unit_size(self) -> int:
        """The number of tokens, characters, search units or milliseconds that a price covers."""
        return _PER[self.unit]

    @property
    def chats(self) -> bool:
        """Whether it is a chat model."""
        return not SPECIAL & set(self.capabilities)

    @property
    def retirement(self) -> str:
        """When it retires, in words; empty if nothing is known."""
        return self.retires.isoformat() if isinstance(self.retires, dt.date) else _RULES.get(self.retires, self.retires)

    def retired(self, today: dt.date) -> bool:
        """Return whether on-demand calls no longer work: after its date, or where no date but only that is known."""
        return today > self.retires if isinstance(self.retires, dt.date) else self.retires == "retired"

    def recommendable(self, today: dt.date) -> bool:
        """Return whether the tables that we have say that it can be called by its id."""
        delisted = self.retires == "delisted"
        return not (delisted or self.retired(today) or self.modes == ("dedicated",) or self.surfaces == ("responses",))

    def cost(self, input_units: int, output_units: int) -> int:
        """Return the price of a call in micro-dollars, rounded up.

        Args:
            input_units: tokens, characters or search units of the prompt, depending on `unit`.
            output_units: tokens or characters of the answer.

        Raises:
            PriceUnknown: the entry has no price.
        """
        if self.input_price is None or self.output_price is None:
            raise PriceUnknown(f"the price of the model {self.id!r} is not known")
        reached = [tier for tier in self.tiers if input_units > tier.above]
        price = max(reached, key=lambda tier: tier.above) if reached else None
        into, out = (price.input_price, price.output_price) if price else (self.input_price, self.output_price)
        return -(-(input_units * into + output_units * out) // self.unit_size)
