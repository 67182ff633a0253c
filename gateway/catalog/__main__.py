"""`python -m gateway.catalog refresh FILE`: compare the catalogue with Oracle's price list; write it if asked to."""

from __future__ import annotations

import argparse
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

from gateway.catalog.entries import ModelEntry
from gateway.catalog.price_list import read_price_list
from gateway.catalog.refreshing import Difference, differences, refreshed
from state.errors import SixplaneError
from state.money import dollars

_PACKAGED = Path(__file__).with_name("models.toml")
_WORDS = {
    "higher": "higher",
    "lower": "lower",
    "first": "first price",
    "new": "new model",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status: 0, or 2 if the list cannot be used."""
    given = _parsed(arguments)
    try:
        prices = read_price_list(given.file)
    except SixplaneError as error:
        sys.stderr.write(f"{error.message}\n{error.hint}\n")
        return 2
    text = given.catalogue.read_text(encoding="utf-8")
    entries = [ModelEntry.model_validate(entry) for entry in tomllib.loads(text)["model"]]
    found = differences(entries, prices)
    kept = [each for each in found if not _taken(each, allow_lower=given.allow_lower)]
    for each in found:
        sys.stdout.write(f"{_line(each)}{'; kept' if each in kept else ''}\n")
    sys.stdout.write(f"{len(found)} differences from Oracle's price list of {prices.as_of}, {len(kept)} kept as here\n")
    if given.write:
        _write(given.catalogue, refreshed(text, [each for each in found if each not in kept], prices.as_of))
    return 0


def _parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m gateway.catalog", description=__doc__)
    refresh = parser.add_subparsers(required=True).add_parser("refresh", help="compare with Oracle's price list")
    refresh.add_argument("file", type=Path, help="the list, saved as JSON")
    refresh.add_argument("--write", action="store_true", help="write the differences into the catalogue")
    refresh.add_argument("--allow-lower", action="store_true", help="also write prices that are lower than ours")
    refresh.add_argument(
        "--catalogue", type=Path, default=_PACKAGED, help="the file to compare, if not the packaged one"
    )
    return parser.parse_args(arguments)


def _taken(difference: Difference, *, allow_lower: bool) -> bool:
    """Whether `--write` writes it: a lower price only if that was asked for, one in another unit never."""
    return difference.direction in ("higher", "first", "new") or (difference.direction == "lower" and allow_lower)


def _line(difference: Difference) -> str:
    tier = f" of tier {difference.tier + 1}" if difference.tier >= 0 else ""
    what = f"{difference.model}: {difference.field} price{tier} ({difference.sku})"
    if difference.direction == "unit":
        return f"{what}: the list has it in another unit"
    ours, listed = dollars(difference.ours), dollars(difference.listed)
    return f"{what}: {_WORDS[difference.direction]}: {listed} USD in the list, {ours} here"


def _write(path: Path, text: str) -> None:
    """Replace the file in one step, after the text was read back as a catalogue."""
    for entry in tomllib.loads(text)["model"]:
        ModelEntry.model_validate(entry)
    beside = path.with_suffix(".new")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)


if __name__ == "__main__":
    raise SystemExit(main())
