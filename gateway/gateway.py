"""The gateway: chooses the model of each role, and builds the governed chat model that calls it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from langchain_core.embeddings import Embeddings
from langchain_core.language_models import BaseChatModel
from pydantic import BaseModel

from gateway.bare_text import bare_field
from gateway.catalog import Catalog, ModelEntry, catalog_of
from gateway.catalog.compatible import OCI_DEPLOYMENT, OCI_OPENAI, on_chosen_surface
from gateway.classification import classify
from gateway.governed import GovernedChatModel
from gateway.governor import Governor
from gateway.ledger.account import CallScope
from gateway.metering import answer_tokens, most_prompt_chars, prompt_chars, wanted_tokens
from gateway.oci.plane import OCIPlane
from gateway.oci_openai.plane import CompatiblePlane
from gateway.openai.dialect import Dialect
from gateway.openai.endpoint import Endpoint, openai_endpoint
from gateway.openai.pricing import check_priced
from gateway.schemas import schema_in_words
from state.channels import ResearchContext
from state.errors import ModelUnknown, SettingsInvalid
from state.values import EXTRACTIVE, Role, Usage

if TYPE_CHECKING:  # the ledger imports SQLAlchemy, which only an opened gateway needs
    from gateway.cassette.chat import Shelf
    from gateway.ledger.attempts import Characters
    from gateway.ledger.budget_lines import BudgetLine
    from gateway.ledger.ledger import Ledger
    from gateway.ledger.pruning import Cutoffs, PrunedRows
    from gateway.ledger.scopes import Kind
    from settings import Settings

CASSETTE = "cassette"


class Gateway:
    """The models of a process; create one per process.

    Args:
        settings: the configuration.
        ledger: the ledger that calls are charged to.
        embeddings: the embeddings that the extractive model ranks sentences with.
        models: further chat models by id.
        oci: the models of OCI, if it is configured.
        compatible: the models of OCI on OpenAI's APIs, if they are configured.
        governor: makes the calls; by default one on `ledger` without telemetry.
        catalog: the model catalogue; by default the packaged one.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        ledger: Ledger,
        embeddings: Embeddings,
        models: Mapping[str, BaseChatModel] | None = None,
        oci: OCIPlane | None = None,
        compatible: CompatiblePlane | None = None,
        governor: Governor | None = None,
        catalog: Catalog | None = None,
    ) -> None:
        self._settings = settings
        self._ledger = ledger
        self._embeddings = embeddings
        self._models = dict(models or {})
        self._dialects: dict[str, Dialect] = {}
        self._oci, self._compatible = oci, compatible
        self._governor = governor or Governor(settings, ledger, classify)
        self.catalog = catalog or catalog_of(settings, extra=self._models)

    def model_id(self, role: Role, context: ResearchContext) -> str:
        """Return the id of the role's model.

        The first that is set wins: the context's model for the role, the context's model, the settings' model for the
        role, the settings' default model, the default of the provider (for OCI the catalogue's model for the role). For
        the judge see `judge_id`.

        Raises:
            ModelUnknown: there is no such chat model; the hint names the closest.
            PriceUnknown: the catalogue has no price for it.
        """
        if role is Role.JUDGE:
            return self.judge_id(context) or EXTRACTIVE
        models = self._settings.models
        chosen = context.models.get(role.value) or context.model or models.roles.get(role.value) or models.default
        return self._chat_entry(chosen or self._default(role)).id

    def check_run(self, context: ResearchContext, question: str) -> None:
        """Raise what is wrong with the models of a run, before it begins.

        Raises:
            CassetteUnusable: a cassette was written for another question or other options.
            ModelUnknown: there is no such chat model.
            ModelRetired: OCI no longer serves it; the hint names its replacement.
            ModelNotServed: OCI serves it elsewhere.
            PriceUnknown: the catalogue has no price for it.
            SettingsInvalid: its endpoint is not configured.
        """
        chosen = {self.model_id(role, context) for role in Role if role is not Role.JUDGE} | {self.judge_id(context)}
        fallbacks = (self._settings.models.fallbacks.get(model_id, ()) for model_id in chosen)
        for fallback in {each for listed in fallbacks for each in listed}:
            self._chat_entry(fallback)
        for model_id in sorted(chosen - {""}):
            self._check_configured(self._entry(model_id))
            if self._is_cassette(model_id):
                k = self._settings.retrieval.passages_per_sub_question
                self._shelf.check_run(model_id, context, question, k)

    def judge_id(self, context: ResearchContext) -> str:
        """Return the id of the model that judges what code cannot decide, empty if none does.

        The context's judge, or the settings' one; else the reviewer's model, if a generative model writes: what the
        extractive model writes stands in its sources word for word. The extractive model does not judge.
        """
        chosen = context.models.get(Role.JUDGE.value) or self._settings.models.roles.get(Role.JUDGE.value)
        if not chosen and self._chat_entry(self.model_id(Role.WRITER, context)).provider == EXTRACTIVE:
            return ""
        entry = self._chat_entry(chosen or self.model_id(Role.REVIEWER, context))
        return "" if entry.provider == EXTRACTIVE else entry.id

    def chat_model(self, scope: CallScope) -> BaseChatModel:
        """Return the governed chat model for one task.

        Raises:
            ModelUnknown: there is no such model.
            SettingsInvalid: the model's endpoint is not configured.
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
            dialect=self._dialect(entry),
        )

    def output_tokens(self, role: Role, context: ResearchContext) -> int:
        """Return the longest answer of the role's model: as the context says, else by the role and the wanted length.

        Raises:
            ModelUnknown: there is no such chat model.
            PriceUnknown: the catalogue has no price for it.
        """
        entry = self._entry(self.model_id(role, context))
        return answer_tokens(entry, context.max_output_tokens or wanted_tokens(entry, role, context.length))

    def prompt_chars(self, model_id: str, max_output_tokens: int = 2048) -> int:
        """Return how many characters of prompt `model_id` accepts together with an answer of `max_output_tokens`.

        Raises:
            ModelUnknown: there is no such model.
        """
        return prompt_chars(self._entry(model_id), max_output_tokens)

    def most_prompt_chars(self, model_id: str, max_output_tokens: int, schema: type[BaseModel]) -> int:
        """Return how many characters of prompt `model_id` accepts at the very most, without room for a repair.

        Raises:
            ModelUnknown: there is no such model.
        """
        return most_prompt_chars(
            self._entry(model_id), max_output_tokens, "" if bare_field(schema) else schema_in_words(schema)
        )

    async def usage(self, tenant: str, run_id: str) -> Usage:
        """Return the usage of a run."""
        return await self._ledger.usage(tenant, run_id)

    async def budget(self, tenant: str, principal: str = "") -> list[BudgetLine]:
        """Return the tenant's budget over all time, that of its current month, and the principal's if it has one."""
        return await self._ledger.budget(tenant, principal)

    async def may_expand(self, tenant: str, run_id: str, principal: str = "") -> bool:
        """Return whether a run may start another round or revision: no, once it passed the soft share of a limit."""
        return not await self._ledger.soft_limit_reached(tenant, run_id, principal)

    async def characters(self, tenant: str) -> Characters:
        """Return the characters of all chat calls of a tenant."""
        return await self._ledger.characters(tenant)

    async def set_limit(self, tenant: str, kind: Kind, hard_limit: int | None) -> None:
        """Set a tenant's limit in micro-dollars; `None` removes it. Raises `SettingsInvalid` for zero and below."""
        await self._ledger.set_limit(tenant, kind, hard_limit)

    async def end_run(self, tenant: str, run_id: str) -> None:
        """Delete the run's memo."""
        await self._ledger.end_run(tenant, run_id)
        if "_shelf" in vars(self):
            self._shelf.end(tenant, run_id)

    async def forget_run(self, tenant: str, run_id: str) -> None:
        """Delete the run's memo, from the ledger's write-ahead log too."""
        await self.end_run(tenant, run_id)
        await self._ledger.truncate_log()

    async def prune(self, old: Cutoffs, *, dry_run: bool = False) -> PrunedRows:
        """Delete what is old in the ledger, and return how many rows went, or would go. Its totals stay."""
        return await self._ledger.prune(old, dry_run=dry_run)

    async def aclose(self) -> None:
        """Close the ledger, and the connections to the OpenAI-compatible endpoint."""
        if "_openai" in vars(self):
            await self._openai.aclose()
        await self._ledger.aclose()

    def _entry(self, model_id: str) -> ModelEntry:
        entry = self.catalog.get(model_id)
        if entry.provider == OCI_OPENAI:
            return on_chosen_surface(entry, self._settings)
        if model_id in self._settings.oci.endpoint_formats:
            return entry.model_copy(update={"api_format": self._settings.oci.endpoint_formats[model_id]})
        if entry.provider != "openai" or model_id in self._models:
            return entry
        check_priced(self._settings, model_id)
        return entry.model_copy(update={"context_window": self._settings.openai.context_tokens})

    def _chat_entry(self, model_id: str) -> ModelEntry:
        """Return the entry of a chat model, checked before a run begins: a run must not start if it cannot call it."""
        self._entry(model_id)  # refuses an API on which the model does not answer, and an endpoint without a price
        if not self.catalog.get(model_id).chats:
            raise ModelUnknown(
                f"{model_id!r} is not a chat model", hint="`sixplane models` shows what each model is for"
            )
        entry = self.catalog.usable(model_id)
        if self._is_cassette(model_id):
            self._shelf.check(model_id)
        return entry

    def _is_cassette(self, model_id: str) -> bool:
        return self.catalog.get(model_id).provider == CASSETTE and model_id not in self._models

    @cached_property
    def _shelf(self) -> Shelf:
        """The cassettes. Imported on first use: only developers replay them."""
        from gateway.cassette.chat import Shelf

        return Shelf(self._settings.models.cassettes)

    def _default(self, role: Role) -> str:
        if self._settings.models.provider == "oci":
            return self.catalog.for_role(role, "oci").id
        return EXTRACTIVE

    def _inner(self, entry: ModelEntry, scope: CallScope) -> BaseChatModel:
        if scope.model in self._models:
            return self._models[scope.model]
        if scope.model == EXTRACTIVE:
            from gateway.extractive.chat import ExtractiveChatModel  # here: it imports NumPy

            return ExtractiveChatModel(embeddings=self._embeddings)
        if self._is_cassette(scope.model):
            return self._shelf.model(scope.model, scope.tenant, scope.run_id)
        if entry.provider == "oci":
            return self._oci_plane(entry).chat_model(entry, scope, self._dialect(entry).refused)
        if entry.provider in (OCI_OPENAI, OCI_DEPLOYMENT):
            return self._compatible_plane(entry).chat_model(entry)
        return self._openai.chat_model(scope.model.removeprefix("openai:"))

    def _check_configured(self, entry: ModelEntry) -> None:
        """Raise `SettingsInvalid` unless there is an endpoint that a model can be asked at."""
        if entry.id in self._models:
            return
        if entry.provider == "openai":
            _ = self._openai
        elif entry.provider == "oci":
            self._oci_plane(entry)
        elif entry.provider in (OCI_OPENAI, OCI_DEPLOYMENT):
            self._compatible_plane(entry)

    def _oci_plane(self, entry: ModelEntry) -> OCIPlane:
        if self._oci is None:
            raise SettingsInvalid(
                f"the model {entry.id!r} needs OCI", hint="set SIXPLANE_MODELS__PROVIDER=oci, see docs/oci.md"
            )
        return self._oci

    def _compatible_plane(self, entry: ModelEntry) -> CompatiblePlane:
        if self._compatible is None:
            raise SettingsInvalid(
                f"the model {entry.id!r} needs OCI",
                hint="set SIXPLANE_MODELS__PROVIDER=oci, or oci-openai, see docs/oci.md",
            )
        return self._compatible

    def _dialect(self, entry: ModelEntry) -> Dialect:
        return self._dialects.setdefault(entry.id, Dialect(entry.api_format))

    @cached_property
    def _openai(self) -> Endpoint:
        return openai_endpoint(self._settings)
