"""`sixplane models` and `sixplane cost`: the catalogue of models, and the price of a call by it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from experience.cli.options import Home, Json
from experience.cli.output import note, print_json, print_table, say
from experience.cli.running import run_async, settings_of
from gateway.token_estimates import TYPICAL_CHARS_PER_TOKEN
from state.errors import BadInput
from state.money import dollars

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gateway import Catalog, ModelEntry
    from settings import Settings

_COLUMNS = ("model", "served", "retires", "USD in", "USD out", "per")
_SERVED = {
    (): "",
    ("on_demand",): "on demand",
    ("dedicated",): "dedicated",
    ("on_demand", "dedicated"): "both",
    ("proxied",): "proxied",
}
_LEGEND = (
    "served: on demand (by the call), dedicated (on your cluster), both, or proxied (by the call, through its maker)",
    "retires: a date, or P1, P6: at least one or six months after a replacement is released",
)
_PER = {"tokens": "1M tokens", "characters": "10k chars", "searches": "1k search", "milliseconds": "hour"}

_ESTIMATE = f"an estimate: the model bills tokens, counted here as {TYPICAL_CHARS_PER_TOKEN} characters each"

_Model = Annotated[str, typer.Argument(metavar="MODEL", help="A model; `sixplane models` lists them.")]
_Live = Annotated[bool, typer.Option("--live", help="Compare the catalogue with the models of the OCI tenancy.")]
_Input = Annotated[int, typer.Option("--input-chars", min=0, help="The number of characters in the prompt.")]
_Output = Annotated[int, typer.Option("--output-chars", min=0, help="The number of characters in the answer.")]


def models(json_output: Json = False, live: _Live = False, home: Home = None) -> None:
    """List the models: how they are served, when they retire, and their prices in USD; `--json` shows everything."""
    from experience.render.words import COMPILED
    from state.values import EXTRACTIVE

    if live:
        _print_findings(settings_of(home), json_output)
        return
    catalog = _catalog(home)
    if json_output:
        print_json([entry.model_dump(mode="json") for entry in catalog.listed()])
        return
    today = catalog.today()
    retired = [entry for entry in catalog.listed() if entry.retired(today)]
    delisted = [entry for entry in catalog.listed() if entry.retires == "delisted"]
    print_table(_COLUMNS, [_row(entry) for entry in catalog.listed() if entry not in (*retired, *delisted)])
    for line in (
        *_instead("retired", retired),
        *_instead("no longer in Oracle's table of on-demand models", delisted),
        _recommended(catalog),
        *_LEGEND,
    ):
        say(line)
    note(f"{EXTRACTIVE}: {COMPILED}")


def cost(
    model: _Model, input_chars: _Input = 0, output_chars: _Output = 0, json_output: Json = False, home: Home = None
) -> None:
    """Show what a model call costs. Prices in the settings override those of the catalogue."""
    from gateway.openai.pricing import check_priced

    entry = _catalog(home).get(model)
    if entry.provider == "openai":
        check_priced(settings_of(home), entry.id)  # else it would seem to cost nothing, and a run would refuse it
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


def _catalog(home: Path | None) -> Catalog:
    from gateway import catalog_of

    return catalog_of(settings_of(home))


def _print_findings(settings: Settings, json_output: bool) -> None:
    """Print a line for each model of which the tenancy says something else than the catalogue."""
    from experience.doctor.tenancy import check_tenancy

    findings = run_async(check_tenancy(settings))
    if json_output:
        print_json([finding.model_dump(mode="json") for finding in findings])
        return
    for finding in findings:
        say(f"{finding.kind:<9} {finding.model}: {finding.detail}")
    note(f"{len(findings)} differences between the catalogue and the tenancy" if findings else "no differences")


def _row(entry: ModelEntry) -> tuple[Any, ...]:
    return (
        entry.id,
        _SERVED.get(entry.modes, ", ".join(entry.modes)),
        str(entry.retires).replace("not before ", "from "),
        dollars(entry.input_price),
        dollars(entry.output_price),
        _PER[entry.unit],
    )


def _instead(what: str, gone: list[ModelEntry]) -> Iterator[str]:
    """Yield a line for each date and replacement: the models that went then, and what replaces them."""
    for since, replacement in dict.fromkeys((entry.retires, entry.replacement) for entry in gone):
        names = ", ".join(entry.id for entry in gone if (entry.retires, entry.replacement) == (since, replacement))
        when = "" if isinstance(since, str) else f" since {since}"
        yield f"{what}{when}, use {replacement} instead: {names}"


def _recommended(catalog: Catalog) -> str:
    chosen = catalog.recommended("oci")
    return f"recommended on OCI: {', '.join(f'{use_case} {model}' for use_case, model in chosen.items())}"


def _bill(entry: ModelEntry, input_chars: int, output_chars: int) -> dict[str, Any]:
    from gateway.catalog import search_units

    if entry.unit == "milliseconds":
        raise BadInput(f"{entry.id!r} is billed by the hour: characters do not say what a call costs")
    by_token = entry.unit == "tokens"
    if entry.unit == "searches":
        units = [search_units("", [" " * input_chars]), 0]
    else:
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
