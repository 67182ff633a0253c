"""The gateway: which model a role asks, and the governed way to ask it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from langchain_core.embeddings import Embeddings
from langchain_core.language_models import BaseChatModel

from gateway.catalog import Catalog, ModelEntry, load_catalog
from gateway.classification import classify
from gateway.extractive.chat import ExtractiveChatModel
from gateway.governed import GovernedChatModel
from gateway.governor import Governor
from gateway.ledger.account import CallScope
from gateway.ledger.attempts import Characters
from gateway.ledger.ledger import BudgetLine, Ledger
from gateway.ledger.scopes import Kind
from gateway.metering import answer_tokens, prompt_chars
from gateway.oci.plane import OCIPlane
from gateway.openai.chat import Dialect, openai_chat_model
from settings import Settings
from state.channels import ResearchContext
from state.errors import ModelUnknown, SettingsInvalid
from state.values import Role, Usage

EXTRACTIVE = "extractive"


class Gateway:
    """One per process.

    Args:
        settings: what is configured.
        ledger: where calls are accounted.
        embeddings: what the extractive model ranks with.
        models: further models by id.
        oci: OCI's models, where they are configured.
        governor: the way of every call; without one a plain one on `ledger`.
        catalog: what is known of the models; read from its file where none is given.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        ledger: Ledger,
        embeddings: Embeddings,
        models: Mapping[str, BaseChatModel] | None = None,
        oci: OCIPlane | None = None,
        governor: Governor | None = None,
        catalog: Catalog | None = None,
    ) -> None:
        self._settings = settings
        self._ledger = ledger
        self._embeddings = embeddings
        self._models = dict(models or {})
        self._dialects: dict[str, Dialect] = {}
        self._oci = oci
        self._governor = governor or Governor(settings, ledger, classify)
        self.catalog = catalog or load_catalog(prices=settings.models.prices_micro_usd, extra=self._models)

    def model_id(self, role: Role, context: ResearchContext) -> str:
        """Return the id of the role's model: context by role, context, settings by role, settings, extractive.

        Raises:
            ModelUnknown: there is no such chat model; the hint names the nearest.
            PriceUnknown: the catalogue has no price for it.
        """
        models = self._settings.models
        chosen = context.models.get(role.value) or context.model or models.roles.get(role.value) or models.default
        return self._chat_entry(chosen or self._default()).id

    def judge_id(self, context: ResearchContext) -> str:
        """Return the id of the judge's model, empty where the local scorer judges: only an explicit choice counts."""
        chosen = context.models.get(Role.JUDGE.value) or self._settings.models.roles.get(Role.JUDGE.value)
        return self._chat_entry(chosen).id if chosen else ""

    def chat_model(self, scope: CallScope) -> BaseChatModel:
        """Return the governed model of one task.

        Raises:
            ModelUnknown: there is no such model.
            SettingsInvalid: its endpoint is not configured.
        """
        fallbacks = self._settings.models.fallbacks.get(scope.model, ())
        model = self._governed(scope)
        model.fallbacks = tuple(self._governed(replace(scope, model=fallback)) for fallback in fallbacks)
        return model

    def _governed(self, scope: CallScope) -> GovernedChatModel:
        entry = self._entry(scope.model)
        bounded = replace(scope, max_output_tokens=answer_tokens(entry, scope.max_output_tokens))
        return GovernedChatModel(
            inner=self._inner(entry, bounded),
            scope=bounded,
            entry=entry,
            governor=self._governor,
            capture_content=self._settings.telemetry.capture_content,
            dialect=self._dialects.setdefault(scope.model, Dialect()),
        )

    def prompt_chars(self, model_id: str, max_output_tokens: int = 2048) -> int:
        """Return how many characters of prompt `model_id` takes beside an answer of `max_output_tokens`.

        Raises:
            ModelUnknown: there is no such model.
        """
        return prompt_chars(self._entry(model_id), max_output_tokens)

    async def usage(self, tenant: str, run_id: str) -> Usage:
        """Return what a run used."""
        return await self._ledger.usage(tenant, run_id)

    async def budget(self, tenant: str) -> list[BudgetLine]:
        """Return the tenant's whole and its current month."""
        return await self._ledger.budget(tenant)

    async def may_expand(self, tenant: str, run_id: str) -> bool:
        """Return whether a run may start another round or revision: not beyond the soft share of a limit."""
        return not await self._ledger.soft_limit_reached(tenant, run_id)

    async def characters(self, tenant: str) -> Characters:
        """Return the characters of all chat calls of a tenant."""
        return await self._ledger.characters(tenant)

    async def set_limit(self, tenant: str, kind: Kind, hard_limit: int | None) -> None:
        """Set a tenant's limit in micro-dollars, `None` for none. Raises `SettingsInvalid` for zero and below."""
        await self._ledger.set_limit(tenant, kind, hard_limit)

    async def end_run(self, tenant: str, run_id: str) -> None:
        """Forget the run's memo."""
        await self._ledger.end_run(tenant, run_id)

    async def aclose(self) -> None:
        """Close what was opened."""
        await self._ledger.aclose()

    def _entry(self, model_id: str) -> ModelEntry:
        entry = self.catalog.get(model_id)
        if model_id in self._settings.oci.endpoint_formats:
            return entry.model_copy(update={"api_format": self._settings.oci.endpoint_formats[model_id]})
        if entry.provider != "openai":
            return entry
        return entry.model_copy(update={"context_window": self._settings.openai.context_tokens})

    def _chat_entry(self, model_id: str) -> ModelEntry:
        """Return the entry of a chat model with a price: a run that could not ask it must not begin."""
        entry = self.catalog.get(model_id)
        if {"embedding", "rerank", "guard"} & set(entry.capabilities):
            raise ModelUnknown(f"{model_id!r} is no chat model", hint="`sixplane models` lists what each is for")
        entry.cost(0, 0)
        return entry

    def _default(self) -> str:
        if self._settings.models.provider == "oci":
            return self.catalog.for_use_case("general", "oci").id
        return EXTRACTIVE

    def _inner(self, entry: ModelEntry, scope: CallScope) -> BaseChatModel:
        if scope.model in self._models:
            return self._models[scope.model]
        if scope.model == EXTRACTIVE:
            return ExtractiveChatModel(embeddings=self._embeddings)
        if entry.provider == "oci":
            return self._oci_model(entry, scope)
        return openai_chat_model(self._settings, scope)

    def _oci_model(self, entry: ModelEntry, scope: CallScope) -> BaseChatModel:
        if self._oci is None:
            raise SettingsInvalid(
                f"the model {scope.model!r} needs OCI", hint="set SIXPLANE_MODELS__PROVIDER=oci, see docs/oci.md"
            )
        return self._oci.chat_model(entry, scope, self._dialects.setdefault(scope.model, Dialect()).refused)
