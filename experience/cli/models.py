"""`sixplane models`: which chat models can be asked."""

from __future__ import annotations

from experience.cli.options import Home, Json
from experience.cli.output import print_json, print_table
from experience.cli.running import settings_of

_FIELDS = ("id", "provider", "context_window", "unit", "input_price", "output_price")


def models(json_output: Json = False, home: Home = None) -> None:
    """List the chat models, their providers, and prices in micro-dollars per million tokens (or 10,000 characters)."""
    from gateway import load_catalog

    prices = settings_of(home).models.prices_micro_usd
    entries = load_catalog(prices=prices).entries
    if json_output:
        print_json([entry.model_dump(mode="json") for entry in entries])
        return
    print_table(
        ("model", "provider", "context", "unit", "input price", "output price"),
        [
            (each.id, each.provider, each.context_window, each.unit, each.input_price, each.output_price)
            for each in entries
        ],
    )
