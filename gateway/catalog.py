"""The model catalogue: what can be asked, and what it costs in integer micro-dollars."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from importlib import resources
from typing import Literal

from state.errors import ModelUnknown
from state.values import Value

_PER = {"tokens": 1_000_000, "characters": 10_000}


class ModelEntry(Value):
    """One model, or a pattern of models such as `openai:*`. Prices are micro-dollars per unit."""

    id: str
    provider: str
    api_format: str
    context_window: int
    output_cap: int
    unit: Literal["tokens", "characters"]
    input_price: int
    output_price: int
    capabilities: tuple[str, ...] = ()
    use_cases: tuple[str, ...] = ()
    source: str
    date: str

    def cost(self, input_units: int, output_units: int) -> int:
        """Return the price of a call in micro-dollars, rounded up.

        Args:
            input_units: tokens or characters of the prompt, as `unit` says.
            output_units: tokens or characters of the answer.
        """
        return -(-(input_units * self.input_price + output_units * self.output_price) // _PER[self.unit])


class Catalog:
    """The entries by id, with the prices of the settings over them."""

    def __init__(
        self, entries: Iterable[ModelEntry], *, prices: Mapping[str, tuple[int, int]], extra: Iterable[str] = ()
    ) -> None:
        self.entries = tuple(entries)
        self._prices = dict(prices)
        self._extra = tuple(extra)

    def get(self, model_id: str) -> ModelEntry:
        """Return the entry of `model_id`.

        Raises:
            ModelUnknown: no entry fits; the hint names the nearest.
        """
        entry = next((entry for entry in self.entries if fnmatchcase(model_id, entry.id)), None)
        if entry is None and model_id in self._extra:
            entry = _unpriced(model_id)
        if entry is None or model_id.endswith((":", "*")):
            raise ModelUnknown(f"there is no model {model_id!r}", hint=self._nearest(model_id))
        price = self._prices.get(model_id)
        priced = {"input_price": price[0], "output_price": price[1]} if price else {}
        return entry.model_copy(update={"id": model_id, **priced})

    def _nearest(self, model_id: str) -> str:
        known = [*(entry.id.replace("*", "NAME") for entry in self.entries), *self._extra]
        near = difflib.get_close_matches(model_id, known, n=1, cutoff=0.3) or known[:1]
        return f"did you mean `{near[0]}`? `sixplane models` lists the models"


def load_catalog(*, prices: Mapping[str, tuple[int, int]], extra: Iterable[str] = ()) -> Catalog:
    """Return the packaged catalogue; `extra` names models given by the caller, priced zero unless `prices` say."""
    text = resources.files("gateway").joinpath("catalog.toml").read_text(encoding="utf-8")
    entries = [ModelEntry.model_validate(entry) for entry in tomllib.loads(text)["model"]]
    return Catalog(entries, prices=prices, extra=extra)


def _unpriced(model_id: str) -> ModelEntry:
    return ModelEntry(
        id=model_id,
        provider="given",
        api_format="none",
        context_window=1_000_000,
        output_cap=131_072,
        unit="tokens",
        input_price=0,
        output_price=0,
        source="given by the caller",
        date="2026-11-23",
    )
