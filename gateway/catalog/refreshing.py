"""What Oracle's price list says otherwise than the catalogue, and the catalogue with it written in."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator
from typing import Literal

from gateway.catalog.entries import ModelEntry, Tier
from gateway.catalog.price_list import ListedPrice, PriceList
from state.values import Value

Direction = Literal["higher", "lower", "first", "new", "unit"]
Field = Literal["input", "output"]

_PRODUCT = re.compile(
    r"(?:OCI|Oracle Cloud Infrastructure) Generative AI ?- ?(\w+) ?- ?(.+?) ?- ?(Input|Output) Tokens.*",
    re.IGNORECASE,
)
_ID = re.compile(r"[a-z0-9]+\.[a-z0-9.-]+")
_OTHER_THAN_TEXT = re.compile(r"audio|greater than|cached", re.IGNORECASE)
_BLOCK = re.compile(r"(?m)^(?=\[\[model\]\])")
_TIER = re.compile(r"(?m)^(?=\[\[model\.tiers\]\])")
_BEFORE = "; before that: "
_MADE = """[[model]]
id = "{id}"
provider = "oci"
api_format = "GENERIC"
context_window = 8_192
output_cap = 4_000
unit = "tokens"
input_price = {input}
output_price = {output}
input_sku = "{input_sku}"
output_sku = "{output_sku}"
capabilities = ["stream"]
use_cases = []
surfaces = ["native"]
source = "Oracle's public price list of {as_of}; what it can do is not known: window and cap are cautious"
date = "{as_of}"
"""


class Difference(Value):
    """A price of which the list says something else.

    `direction`: the list's price is `higher` or `lower`, is the `first` one, belongs to a `new` model, or is in another
    `unit` and not comparable. `tier` is the number of the tier, -1 for the entry itself.
    """

    direction: Direction
    model: str
    field: Field
    sku: str
    ours: int | None
    listed: int
    tier: int = -1


def differences(entries: Iterable[ModelEntry], prices: PriceList) -> list[Difference]:
    """Return the differences by model, in the order of the catalogue; those of new models last."""
    entries = [entry for entry in entries if entry.provider == "oci"]
    found = [difference for entry in entries for difference in _of(entry, prices)]
    ours = {sku for entry in entries for _, _, sku in _priced(entry)}
    by_id = {entry.id: entry for entry in entries}
    return [*found, *_unknown(by_id, ours, prices)]


def refreshed(text: str, changes: Iterable[Difference], as_of: str) -> str:
    """Return the text of the catalogue with the listed prices in it; comments and all else stay as they are."""
    made: dict[str, dict[str, Difference]] = {}
    blocks = _BLOCK.split(text)
    known = {tomllib.loads(block)["model"][0]["id"]: number for number, block in enumerate(blocks) if number}
    for change in changes:
        if change.direction == "new":
            made.setdefault(change.model, {})[change.field] = change
        else:
            number = known[change.model]
            blocks[number] = _changed(blocks[number], change, as_of)
    further = [
        _MADE.format(
            id=model,
            input=f"{both['input'].listed:_}",
            output=f"{both['output'].listed:_}",
            input_sku=both["input"].sku,
            output_sku=both["output"].sku,
            as_of=as_of,
        )
        for model, both in made.items()
        if len(both) == 2  # a model without one of its prices could not be called
    ]
    return "".join([*blocks, *(f"\n{block}" for block in further)])


def _priced(entry: ModelEntry) -> Iterator[tuple[int, Field, str]]:
    """Yield tier, field and SKU of each price of an entry that has a SKU."""
    holders: list[tuple[int, ModelEntry | Tier]] = [(-1, entry), *enumerate(entry.tiers)]
    for tier, holder in holders:
        if holder.input_sku:
            yield tier, "input", holder.input_sku
        if holder.output_sku:
            yield tier, "output", holder.output_sku


def _of(entry: ModelEntry, prices: PriceList) -> Iterator[Difference]:
    for tier, field, sku in _priced(entry):
        price = prices.prices.get(sku)
        if price is None:
            continue
        if (found := _compared(entry, tier, field, price)) is not None:
            yield found


def _compared(entry: ModelEntry, tier: int, field: Field, price: ListedPrice) -> Difference | None:
    """Return how a listed price differs from ours, `None` if it does not."""
    holder = entry if tier < 0 else entry.tiers[tier]
    ours = holder.input_price if field == "input" else holder.output_price
    listed = price.micro_usd(entry.unit_size)
    direction: Direction = "unit" if price.unit != entry.unit else "first" if ours is None else "higher"
    if direction == "higher" and ours is not None and listed <= ours:
        direction = "lower"
    if direction != "unit" and listed == ours:
        return None
    return Difference(
        direction=direction, model=entry.id, field=field, sku=price.sku, ours=ours, listed=listed, tier=tier
    )


def _unknown(by_id: dict[str, ModelEntry], ours: set[str], prices: PriceList) -> Iterator[Difference]:
    """Yield what differs in prices whose SKU the catalogue does not have, by the id that their name suggests."""
    for price in prices.prices.values():
        named = _named(price)
        if price.sku in ours or named is None:
            continue
        model, field = named
        entry, listed = by_id.get(model), price.micro_usd(1_000_000)
        if entry is None:
            yield Difference(direction="new", model=model, field=field, sku=price.sku, ours=None, listed=listed)
        elif (found := _compared(entry, -1, field, price)) is not None:
            yield found


def _named(price: ListedPrice) -> tuple[str, Field] | None:
    """Return the model's id and the field, if the part is the plain price of text tokens."""
    product = _PRODUCT.fullmatch(price.name)
    if product is None or price.unit != "tokens" or _OTHER_THAN_TEXT.search(price.name):
        return None
    maker, model, field = product.groups()
    model_id = f"{maker}.{model}".lower().replace(" ", "-")
    return (model_id, "input" if field.lower() == "input" else "output") if _ID.fullmatch(model_id) else None


def _changed(block: str, change: Difference, as_of: str) -> str:
    """Return the block of an entry with one price changed, and with the list as its source."""
    entry, *tiers = _TIER.split(block)
    parts = [entry, *tiers]
    place = change.tier + 1
    parts[place] = _with(parts[place], f"{change.field}_sku", f'"{change.sku}"')
    parts[place] = _with(parts[place], f"{change.field}_price", f"{change.listed:_}")
    parts[0] = re.sub(r"(?m)^date = .*$", f'date = "{as_of}"', parts[0])
    before = rf'(?m)^source = "(?:Oracle\'s public price list of [\d-]+{_BEFORE})?'
    parts[0] = re.sub(before, f"source = \"Oracle's public price list of {as_of}{_BEFORE}", parts[0])
    return "".join(parts)


def _with(part: str, key: str, value: str) -> str:
    """Return the part with `key` set; a key that it lacks follows its unit."""
    line = f"{key} = {value}"
    if re.search(rf"(?m)^{key} = ", part):
        return re.sub(rf"(?m)^{key} = .*$", line, part)
    return re.sub(r"(?m)^(unit = .*)$", rf"\1\n{line}", part)
