"""`sixplane models` and `sixplane cost`: the catalogue of models, and the price of a call by it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from experience.cli.options import Home, Json
from experience.cli.output import note, print_json, print_table, say
from experience.cli.running import settings_of
from experience.money import dollars
from gateway.token_estimates import TYPICAL_CHARS_PER_TOKEN

if TYPE_CHECKING:
    from gateway import ModelEntry

_COLUMNS = ("model", "use cases", "context", "output", "price of", "input USD", "output USD", "as of")

_ESTIMATE = f"an estimate: the model bills tokens, counted here as {TYPICAL_CHARS_PER_TOKEN} characters each"

_Model = Annotated[str, typer.Argument(metavar="MODEL", help="A model; `sixplane models` lists them.")]
_Input = Annotated[int, typer.Option("--input-chars", min=0, help="The number of characters in the prompt.")]
_Output = Annotated[int, typer.Option("--output-chars", min=0, help="The number of characters in the answer.")]


def models(json_output: Json = False, home: Home = None) -> None:
    """List the models with use cases, context and longest answer in tokens, and dated prices in USD."""
    from experience.render.words import COMPILED
    from gateway import load_catalog
    from state.values import EXTRACTIVE

    entries = load_catalog(prices=settings_of(home).models.prices_micro_usd).listed()
    if json_output:
        print_json([entry.model_dump(mode="json") for entry in entries])
        return
    print_table(_COLUMNS, [_row(entry) for entry in entries])
    note(f"{EXTRACTIVE}: {COMPILED}")


def cost(
    model: _Model, input_chars: _Input = 0, output_chars: _Output = 0, json_output: Json = False, home: Home = None
) -> None:
    """Show what a model call costs. Prices in the settings override those of the catalogue."""
    from gateway import load_catalog

    entry = load_catalog(prices=settings_of(home).models.prices_micro_usd).get(model)
    bill = _bill(entry, input_chars, output_chars)
    if json_output:
        print_json(bill)
        return
    say(f"{bill['cost_usd']} USD")
    say(f"model: {entry.id}")
    say(f"counted: {bill['input_units']:,} {entry.unit} in, {bill['output_units']:,} {entry.unit} out")
    say(
        f"price: {dollars(entry.input_price)} USD in and {dollars(entry.output_price)} USD out,"
        f" per {bill['unit_size']:,} {entry.unit}"
    )
    say(f"source: {entry.source} ({entry.date})")
    if bill["estimated"]:
        say(_ESTIMATE)


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


def _bill(entry: ModelEntry, input_chars: int, output_chars: int) -> dict[str, Any]:
    by_token = entry.unit == "tokens"
    # Rounded up: a part of a token is billed as one.
    units = [-(-chars // TYPICAL_CHARS_PER_TOKEN) if by_token else chars for chars in (input_chars, output_chars)]
    micro_usd = entry.cost(*units)
    return {
        "model": entry.id,
        "cost_usd": dollars(micro_usd),
        "cost_micro_usd": micro_usd,
        "input_chars": input_chars,
        "output_chars": output_chars,
        "input_units": units[0],
        "output_units": units[1],
        "unit": entry.unit,
        "unit_size": entry.unit_size,
        "input_price_micro_usd": entry.input_price,
        "output_price_micro_usd": entry.output_price,
        "estimated": by_token,
        "note": _ESTIMATE if by_token else "",
        "source": entry.source,
        "date": entry.date,
    }
