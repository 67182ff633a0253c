"""`sixplane models`: lists the models with their uses and prices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from experience.cli.options import Home, Json
from experience.cli.output import print_json, print_table
from experience.cli.running import settings_of

if TYPE_CHECKING:
    from gateway import ModelEntry

_COLUMNS = ("model", "use cases", "context", "output", "price of", "input USD", "output USD", "as of")


def models(json_output: Json = False, home: Home = None) -> None:
    """List the models with use cases, context and longest answer in tokens, and dated prices in USD."""
    from gateway import load_catalog

    entries = load_catalog(prices=settings_of(home).models.prices_micro_usd).listed()
    if json_output:
        print_json([entry.model_dump(mode="json") for entry in entries])
        return
    print_table(_COLUMNS, [_row(entry) for entry in entries])


def dollars(micro_usd: int | None) -> str:
    """Return micro-dollars as an exact amount in dollars, or `unknown` for `None`."""
    if micro_usd is None:
        return "unknown"
    whole, rest = divmod(micro_usd, 1_000_000)
    return f"{whole}.{rest:06d}".rstrip("0").rstrip(".")


def _row(entry: ModelEntry) -> tuple[Any, ...]:
    return (
        entry.id,
        ", ".join([*entry.use_cases, *(["deprecated"] if "deprecated" in entry.capabilities else [])]),
        entry.context_window,
        entry.output_cap,
        f"{entry.unit_size:,} {entry.unit}",
        dollars(entry.input_price),
        dollars(entry.output_price),
        entry.date,
    )
