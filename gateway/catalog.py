"""The model catalogue: which models exist, what they can do, and what they cost in integer micro-dollars."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from importlib import resources
from typing import Literal

from state.errors import ModelUnknown, PriceUnknown
from state.values import Role, Value

_KEPT = 1_000
"""Most looked-up entries that are cached. Ids come from callers, so an unbounded cache could be filled on purpose."""

_ROLE_USE_CASES = {Role.RESEARCHER: "fast"}
"""Roles that need less than the general model. A plan is short, and no word of it is published.

What the analyzer overlooks no later role finds, a writer's mistakes cost a revision, and reviewer and judge decide what
leaves: they have the general model.
"""

_PER = {"tokens": 1_000_000, "characters": 10_000}


class ModelEntry(Value):
    """One model, or a pattern of models such as `openai:*`. Prices are micro-dollars per unit, `None` if unknown."""

    id: str
    provider: str
    api_format: str
    context_window: int
    output_cap: int
    unit: Literal["tokens", "characters"]
    input_price: int | None = None
    output_price: int | None = None
    capabilities: tuple[str, ...] = ()
    use_cases: tuple[str, ...] = ()
    source: str
    date: str

    @property
    def unit_size(self) -> int:
        """The number of tokens or characters that a price covers."""
        return _PER[self.unit]

    def cost(self, input_units: int, output_units: int) -> int:
        """Return the price of a call in micro-dollars, rounded up.

        Args:
            input_units: tokens or characters of the prompt, depending on `unit`.
            output_units: tokens or characters of the answer.

        Raises:
            PriceUnknown: the entry has no price.
        """
        if self.input_price is None or self.output_price is None:
            raise PriceUnknown(f"the price of the model {self.id!r} is not known")
        return -(-(input_units * self.input_price + output_units * self.output_price) // self.unit_size)


class Catalog:
    """Looks entries up by model id, and applies the prices of the settings.

    Args:
        entries: in order of precedence; the first entry that matches an id is used.
        prices: input price and output price by model id; they override the entries' prices.
        extra: ids of models that the caller supplies itself.
        use_cases: model ids by use case, the preferred one of each provider first.
    """

    def __init__(
        self,
        entries: Iterable[ModelEntry],
        *,
        prices: Mapping[str, tuple[int, int]],
        extra: Iterable[str] = (),
        use_cases: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self.entries = tuple(entries)
        self._use_cases = dict(use_cases or {})
        self._prices = dict(prices)
        self._extra = tuple(extra)
        self._found: dict[str, ModelEntry] = {}

    def get(self, model_id: str) -> ModelEntry:
        """Return the entry of `model_id`.

        Raises:
            ModelUnknown: no entry matches; the hint names the closest.
        """
        if model_id in self._found:
            return self._found[model_id]
        entry = next((entry for entry in self.entries if fnmatchcase(model_id, entry.id)), None)
        if entry is None and model_id in self._extra:
            entry = _unpriced(model_id)
        # A pattern such as `openai:*` matches its own text and its bare prefix, which are not models.
        if entry is None or model_id.endswith((":", ".", "*")):
            raise ModelUnknown(f"there is no model {model_id!r}", hint=self._nearest(model_id))
        price = self._prices.get(model_id)
        priced = {"input_price": price[0], "output_price": price[1]} if price else {}
        found = entry.model_copy(update={"id": model_id, **priced})
        if len(self._found) < _KEPT:
            self._found[model_id] = found
        return found

    def listed(self) -> tuple[ModelEntry, ...]:
        """Return all entries with their prices, then models of a pattern that the settings give a price."""
        named = {entry.id for entry in self.entries}
        further = (self.get(model_id) for model_id in self._prices if model_id not in named)
        return (*(entry if "*" in entry.id else self.get(entry.id) for entry in self.entries), *further)

    def for_use_case(self, use_case: str, provider: str) -> ModelEntry:
        """Return the recommended model for a use case such as `general` or `embedding`.

        Raises:
            ModelUnknown: the provider has no such model; the message lists the use cases.
        """
        entries = map(self.get, self._use_cases.get(use_case, ()))
        entry = next((entry for entry in entries if entry.provider == provider), None)
        if entry is None:
            known = ", ".join(f"`{each}`" for each in self._use_cases)
            raise ModelUnknown(
                f"the catalogue has no model of {provider!r} for {use_case!r}; its use cases are {known}",
                hint="set the model's id, for example in SIXPLANE_MODELS__DEFAULT; `sixplane models` lists them",
            )
        return entry

    def for_role(self, role: Role, provider: str) -> ModelEntry:
        """Return the recommended model for a role: that of its use case if it has a price, else the general one.

        Raises:
            ModelUnknown: the provider has no general model.
        """
        use_case = _ROLE_USE_CASES.get(role, "general")
        found = map(self.get, self._use_cases.get(use_case, ()))
        priced = (entry for entry in found if entry.provider == provider and entry.input_price is not None)
        return next(priced, None) or self.for_use_case("general", provider)

    def _nearest(self, model_id: str) -> str:
        name = model_id.partition(":")[2] or "NAME"
        known = {entry.id.replace("*", name): entry.id.replace("*", "NAME") for entry in self.entries}
        known |= {each: each for each in self._extra}
        near = difflib.get_close_matches(model_id, known, n=1, cutoff=0.3) or [next(iter(known))]
        return f"did you mean `{known[near[0]]}`? `sixplane models` lists the models"


def load_catalog(*, prices: Mapping[str, tuple[int, int]], extra: Iterable[str] = ()) -> Catalog:
    """Return the packaged catalogue; models named in `extra` come from the caller, free unless in `prices`."""
    text = resources.files("gateway").joinpath("catalog.toml").read_text(encoding="utf-8")
    table = tomllib.loads(text)
    entries = [ModelEntry.model_validate(entry) for entry in table["model"]]
    return Catalog(entries, prices=prices, extra=extra, use_cases=table["use_cases"])


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
