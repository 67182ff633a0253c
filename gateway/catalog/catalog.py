"""Looks entries up by model id, applies the prices of the settings, and refuses what cannot be called."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from fnmatch import fnmatchcase

from gateway.catalog.compatible import OCI_OPENAI, compatible_entry
from gateway.catalog.entries import ModelEntry, Surface
from state.errors import ModelNotServed, ModelRetired, ModelUnknown
from state.values import Role

_KEPT = 1_000
"""Most looked-up entries that are cached. Ids come from callers, so an unbounded cache could be filled on purpose."""

_ROLE_USE_CASES = {Role.RESEARCHER: "fast"}
"""Roles that need less than the general model. A plan is short, and no word of it is published.

What the analyzer overlooks no later role finds, a writer's mistakes cost a revision, and reviewer and judge decide what
leaves: they have the general model.
"""

_DECLARE = 'if your tenancy has it, declare it with its price under `[models.declared."{id}"]` in sixplane.toml'


def today_utc() -> date:
    """Return the date of today, in UTC."""
    return datetime.now(UTC).date()


class Catalog:
    """The entries, and what the settings and the tenancy add to them.

    Args:
        entries: in order of precedence; the first entry that matches an id is used.
        prices: input price and output price by model id; they override the entries' prices, and have no tiers.
        extra: ids of models that the caller supplies itself.
        use_cases: model ids by use case, the preferred one of each provider first.
        region: the identifier of the tenancy's region; empty if it is not known.
        today: the clock that decides what is retired.
        as_of: the date of the newest entry that was not declared.
    """

    def __init__(
        self,
        entries: Iterable[ModelEntry],
        *,
        prices: Mapping[str, tuple[int, int]],
        extra: Iterable[str] = (),
        use_cases: Mapping[str, Sequence[str]] | None = None,
        region: str = "",
        today: Callable[[], date] = today_utc,
        as_of: date = date.min,
    ) -> None:
        self.entries = tuple(entries)
        self.region = region
        self.today = today
        self.as_of = as_of
        self._use_cases = dict(use_cases or {})
        self._prices = dict(prices)
        self._extra = tuple(extra)
        self._found: dict[str, ModelEntry] = {}

    def get(self, model_id: str) -> ModelEntry:
        """Return the entry of `model_id`, whether it can be called or not.

        Raises:
            ModelUnknown: no entry matches; the hint names the closest.
        """
        if model_id in self._found:
            return self._found[model_id]
        if model_id.startswith(f"{OCI_OPENAI}:"):
            return self._priced(compatible_entry(self.get(model_id.partition(":")[2]), model_id))
        entry = next((entry for entry in self.entries if fnmatchcase(model_id, entry.id)), None)
        if entry is None and model_id in self._extra:
            entry = _unpriced(model_id)
        # A pattern such as `openai:*` matches its own text and its bare prefix, which are not models.
        if entry is None or model_id.endswith((":", ".", "*")):
            raise ModelUnknown(f"there is no model {model_id!r}", hint=self._nearest(model_id))
        return self._priced(entry.model_copy(update={"id": model_id}))

    def _priced(self, entry: ModelEntry) -> ModelEntry:
        price = self._prices.get(entry.id)
        priced = {"input_price": price[0], "output_price": price[1], "tiers": ()} if price else {}
        found = entry.model_copy(update=priced)
        if len(self._found) < _KEPT:
            self._found[entry.id] = found
        return found

    def usable(self, model_id: str, surface: Surface = "native") -> ModelEntry:
        """Return the entry of `model_id`, which can be called on `surface` and has a price.

        Raises:
            ModelUnknown: no entry matches.
            ModelRetired: OCI no longer serves it on demand; the hint names its replacement.
            ModelNotServed: OCI serves it on dedicated clusters only, in other regions, or on another API.
            PriceUnknown: the entry has no price.
        """
        entry = self.get(model_id)
        instead = f"use `{entry.replacement}` instead" if entry.replacement else "`sixplane models` lists the models"
        # A model has one entry, whichever of OCI's APIs it is asked on.
        declare = _DECLARE.format(id=model_id.removeprefix(f"{OCI_OPENAI}:"))
        if entry.retired(self.today()):
            since = f" since {entry.retires}" if isinstance(entry.retires, date) else ""
            raise ModelRetired(f"the model {model_id!r} is retired{since}", hint=f"{instead}; {declare}")
        if entry.modes == ("dedicated",) and not model_id.startswith("ocid1."):
            raise ModelNotServed(
                f"the model {model_id!r} is served on dedicated clusters only",
                hint=f"{instead}, or name the OCID of your cluster's endpoint; {declare}",
            )
        if self.region and entry.regions and self.region not in entry.regions:
            raise ModelNotServed(
                f"the model {model_id!r} is not served on demand in {self.region}",
                hint=f"set SIXPLANE_OCI__REGION to one of {', '.join(entry.regions)}; {declare}",
            )
        if entry.surfaces and surface not in entry.surfaces and entry.provider == "oci":
            others = " and ".join(f"`{each}`" for each in entry.surfaces)
            raise ModelNotServed(
                f"the model {model_id!r} does not answer on `{surface}`, only on {others}",
                hint="choose another model; `sixplane models` lists the APIs of each",
            )
        entry.cost(0, 0)  # raises `PriceUnknown`
        return entry

    def listed(self) -> tuple[ModelEntry, ...]:
        """Return all entries with their prices, then models of a pattern that the settings give a price."""
        named = {entry.id for entry in self.entries}
        further = (self.get(model_id) for model_id in self._prices if model_id not in named)
        unique = {entry.id: entry for entry in reversed(self.entries)}
        shown = (unique[name] for name in dict.fromkeys(entry.id for entry in self.entries))
        return (*(entry if "*" in entry.id else self.get(entry.id) for entry in shown), *further)

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

    def recommended(self, provider: str) -> dict[str, str]:
        """Return the id of the provider's recommended model by use case."""
        found = {
            use_case: [name for name in names if self.get(name).provider == provider]
            for use_case, names in self._use_cases.items()
        }
        return {use_case: names[0] for use_case, names in found.items() if names}

    def for_role(self, role: Role, provider: str) -> ModelEntry:
        """Return the recommended model for a role: that of its use case if it can be called, else the general one.

        Raises:
            ModelUnknown: the provider has no general model.
        """
        use_case = _ROLE_USE_CASES.get(role, "general")
        found = map(self.get, self._use_cases.get(use_case, ()))
        callable_ones = (
            entry
            for entry in found
            if entry.provider == provider and entry.input_price is not None and self._recommended(entry)
        )
        return next(callable_ones, None) or self.for_use_case("general", provider)

    def _recommended(self, entry: ModelEntry) -> bool:
        here = not (self.region and entry.regions) or self.region in entry.regions
        return here and entry.recommendable(self.today())

    def _nearest(self, model_id: str) -> str:
        name = model_id.partition(":")[2] or "NAME"
        known = {entry.id.replace("*", name): entry.id.replace("*", "NAME") for entry in self.entries}
        known |= {each: each for each in self._extra}
        near = difflib.get_close_matches(model_id, known, n=1, cutoff=0.3) or [next(iter(known))]
        return f"did you mean `{known[near[0]]}`? `sixplane models` lists the models; {_DECLARE.format(id=model_id)}"


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
