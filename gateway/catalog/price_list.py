"""Oracle's public price list, as its estimator offers it: JSON of the "cetools products" endpoint.

`https://apexapps.oracle.com/pls/apex/cetools/api/v1/products/?currencyCode=USD` needs no key. Its shape, learnt in
2026-11 from public programs that read it: `lastUpdated` and `items`, each with `partNumber`, `displayName`,
`metricName`, `serviceCategory` and `currencyCodeLocalizations`, which hold `currencyCode` and `prices` of `model` and
`value`.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterator
from decimal import ROUND_CEILING, Decimal
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, Field, ValidationError

from gateway.catalog.entries import Unit
from state.errors import BadInput
from state.values import Value

_PAY_AS_YOU_GO = "PAY_AS_YOU_GO"
_METRIC = re.compile(r"([\d,]+) (token|transaction|character|search unit)s?\b", re.IGNORECASE)
_SKU = re.compile(r"[A-Z0-9-]{1,20}")
_UNITS: dict[str, Unit] = {
    "token": "tokens",
    "transaction": "characters",  # Oracle's documentation: a transaction is a character
    "character": "characters",
    "search unit": "searches",
}
_HINT = "save https://apexapps.oracle.com/pls/apex/cetools/api/v1/products/?currencyCode=USD as a file"


class _Price(BaseModel):
    model: str
    value: Annotated[Decimal, Field(ge=0, allow_inf_nan=False)]


class _Localization(BaseModel):
    currencyCode: str  # noqa: N815 - Oracle's names
    prices: list[_Price]


class _Product(BaseModel):
    partNumber: str  # noqa: N815
    displayName: str  # noqa: N815
    metricName: str = ""  # noqa: N815
    serviceCategory: str = ""  # noqa: N815
    currencyCodeLocalizations: list[_Localization] = []  # noqa: N815


class _Products(BaseModel):
    lastUpdated: dt.datetime | None = None  # noqa: N815
    items: list[_Product]


class ListedPrice(Value):
    """The price of a part: USD for `count` units. `unit` is `None` where its metric is none of ours."""

    sku: str
    name: str
    metric: str
    usd: Decimal
    count: int
    unit: Unit | None

    def micro_usd(self, unit_size: int) -> int:
        """Return the price of `unit_size` units in micro-dollars, rounded up."""
        price = self.usd * 1_000_000 * unit_size / self.count
        return int(price.to_integral_value(ROUND_CEILING))


class PriceList(Value):
    """The prices of Generative AI, by part number, and the day they are of."""

    as_of: str
    prices: dict[str, ListedPrice]


def read_price_list(path: Path) -> PriceList:
    """Return the prices of Generative AI in a saved list.

    Raises:
        BadInput: the file cannot be read, is not such a list, or has no price in USD of Generative AI.
    """
    try:
        text = path.read_text(encoding="utf-8")
        products = _Products.model_validate(json.loads(text, parse_float=Decimal, parse_constant=_refused))
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}", hint=_HINT) from error
    except (ValidationError, ValueError, RecursionError):
        raise BadInput(f"{path} is not Oracle's price list", hint=_HINT) from None
    found = {price.sku: price for product in products.items for price in _listed(product)}
    if not found:
        raise BadInput(f"{path} has no price in USD of Generative AI", hint=_HINT)
    as_of = products.lastUpdated.date() if products.lastUpdated else dt.datetime.now(dt.UTC).date()
    return PriceList(as_of=as_of.isoformat(), prices=found)


def _listed(product: _Product) -> Iterator[ListedPrice]:
    name = " ".join(product.displayName.split())  # the list doubles some of its spaces
    if "generative ai" not in f"{name} {product.serviceCategory}".lower() or not _SKU.fullmatch(product.partNumber):
        return
    dollars = [
        price.value
        for local in product.currencyCodeLocalizations
        if local.currencyCode == "USD"
        for price in local.prices
        if price.model == _PAY_AS_YOU_GO
    ]
    if not dollars:
        return
    metric = _METRIC.match(" ".join(product.metricName.split()))
    count = int(metric[1].replace(",", "")) if metric else 0
    yield ListedPrice(
        sku=product.partNumber,
        name=name,
        metric=product.metricName,
        usd=max(dollars),  # the first units of a part may be free
        count=count or 1,
        unit=_UNITS[metric[2].lower()] if metric and count else None,
    )


def _refused(constant: str) -> Any:
    raise ValueError(f"{constant} is no price")
