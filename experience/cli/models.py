"""`sixplane models`: which chat models can be asked."""

from __future__ import annotations

from experience.cli.options import Home, Json
from experience.cli.output import print_json, print_table
from experience.cli.running import settings_of


def models(json_output: Json = False, home: Home = None) -> None:
    """List the chat models, their providers and prices in micro-dollars per million tokens."""
    from gateway.catalog import Catalog

    entries = Catalog(settings_of(home)).entries()
    if json_output:
        print_json([entry.model_dump(mode="json") for entry in entries])
        return
    rows = [
        (entry.id, entry.provider, entry.context_tokens, entry.input_micro_usd, entry.output_micro_usd)
        for entry in entries
    ]
    print_table(("model", "provider", "context", "input price", "output price"), rows)
