"""The key of a row: a hash of the row and of everything its answer depends on."""

from __future__ import annotations

import hashlib
import json
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from state.channels import ResearchContext
from state.errors import BadInput
from state.values import Role

if TYPE_CHECKING:
    from experience.batch.rows import Row
    from experience.service import ResearchRequest, ResearchService

_NO_MATTER = {"version", "description", "timeout_seconds"}
"""Keys of the policy that no answer depends on."""

FORMAT = 3
"""Increase this number when keys are computed in another way: older output files then belong to other jobs."""


class Keys:
    """Computes keys from the models, corpora and policy of a service."""

    def __init__(self, service: ResearchService) -> None:
        self._service = service
        self._versions: dict[tuple[str, str], int] = {}
        self.configuration = _configuration(service)
        """Digest of what all rows share: the release, with its prompts, and the settings that shape an answer."""

    async def of_row(self, row: Row) -> str:
        """Return the key of a row. The ordinal tells equal rows without ids apart."""
        asked = await self._asked(row.request) if row.request else None
        return digest_of([FORMAT, self.configuration, row.id or [row.digest, row.ordinal], row.digest, asked])

    async def of_request(self, request: ResearchRequest, ordinal: int) -> str:
        """Return the key of a request that does not come from a file."""
        return digest_of([FORMAT, self.configuration, ordinal, await self._asked(request)])

    def models(self, context: ResearchContext) -> dict[str, str]:
        """Return the model of each role; empty if the choice is invalid, which the run itself reports."""
        gateway = self._service.gateway
        try:
            chosen = {role.value: gateway.model_id(role, context) for role in Role if role is not Role.JUDGE}
            return {**chosen, Role.JUDGE.value: gateway.judge_id(context)}
        except BadInput:
            return {}

    async def corpus_version(self, context: ResearchContext) -> int:
        """Return the version of the context's corpus when the job started, 0 if there is no such corpus.

        Cached: an ingestion during the job must not change the keys of its remaining rows.
        """
        name = context.tenant, context.corpus
        if name not in self._versions:
            self._versions[name] = await self._version(*name)
        return self._versions[name]

    async def _version(self, tenant: str, name: str) -> int:
        try:
            return (await (await self._service.corpora.get(tenant, name)).summary()).version
        except BadInput:
            return 0

    async def _asked(self, request: ResearchRequest) -> list[Any]:
        context = self._service.effective(request.context)
        request = request.model_copy(update={"context": context})
        corpus = [await self.corpus_version(context), self._sources(context)]
        return [request.model_dump(mode="json"), self.models(context), corpus]

    def _sources(self, context: ResearchContext) -> dict[str, Any]:
        """Return the managed sources of the context's corpus. What their services hold has no version to go by."""
        declared, place = self._service.settings.sources, (context.tenant, context.corpus)
        return {name: each.model_dump(mode="json") for name, each in declared.items() if each.serves(*place)}


def digest_of(parts: Any) -> str:
    """Return the SHA-256 of `parts` as canonical JSON."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _configuration(service: ResearchService) -> str:
    settings = service.settings
    shaping = [
        settings.policy.model_dump(mode="json", exclude=_NO_MATTER),
        settings.models.fallbacks,
        settings.oci.rerank_model,
        settings.oci.guardrails,
        settings.retrieval.neighbours,
        settings.retrieval.mode,
        settings.run.review,
    ]
    return digest_of([version("sixplane"), shaping])
