"""Opens the services below the graph: gateway, embeddings, reranker and guardrails, local or on OCI."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway import Gateway, Governor, catalog_of
from gateway.classification import classify
from gateway.ledger.outbox import AlertOutbox, Publish
from gateway.oci.plane import OCIModels
from gateway.oci_openai.plane import open_compatible
from gateway.sources import open_sources
from observability import CallTelemetry, open_call_telemetry
from policy.oci_guardrails import ApplyGuardrails
from retrieval import load_embeddings

if TYPE_CHECKING:
    from langchain_core.documents import BaseDocumentCompressor
    from langchain_core.embeddings import Embeddings
    from langchain_core.language_models import BaseChatModel
    from langchain_core.retrievers import BaseRetriever
    from oracledb import AsyncConnectionPool

    from gateway import Ledger
    from settings import Settings
    from settings.connections.oci_session import OCISession


_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Planes:
    """The opened services."""

    gateway: Gateway
    embeddings: Embeddings
    """Those that searches use."""
    local: Embeddings
    """Those of this machine, which the guards use."""
    reranker: BaseDocumentCompressor | None
    guardrails: ApplyGuardrails | None
    database: AsyncConnectionPool | None
    sources: Mapping[str, BaseRetriever]
    """What asks each managed source, by its name."""


@asynccontextmanager
async def open_planes(
    settings: Settings,
    *,
    models: Mapping[str, BaseChatModel] | None = None,
    embeddings: Embeddings | None = None,
) -> AsyncIterator[Planes]:
    """Yield the services that `settings` configure; `models` and `embeddings` as in `open_collaborators`.

    Raises:
        SettingsInvalid: OCI is configured, but part of its configuration is missing or wrong.
        DependencyUnavailable: the tenancy provides no credentials, or OCI Vault no key.
    """
    from gateway import Ledger  # here: it imports SQLAlchemy, which `import graphs` need not wait for

    session = await asyncio.to_thread(_session, settings)  # blocks: it reads files and may call a metadata service
    local: Embeddings = embeddings if embeddings is not None else await asyncio.to_thread(load_embeddings, settings)
    compatible = await asyncio.to_thread(open_compatible, settings, session)
    region = session.region if session is not None else ""
    catalog = await asyncio.to_thread(catalog_of, settings, extra=tuple(models or ()), region=region)
    async with AsyncExitStack() as stack:
        database = await _database(settings, stack)
        ledger = Ledger(settings)
        stack.push_async_callback(ledger.aclose)
        telemetry = open_call_telemetry(settings, session)
        stack.push_async_callback(_shut, telemetry)
        _publish_alerts(ledger, _topic(settings, session), stack)
        governor = Governor(settings, ledger, classify, telemetry=telemetry)
        oci = None if session is None else OCIModels(settings, session, governor, catalog)
        if oci is not None:
            stack.push_async_callback(oci.aclose)
        if compatible is not None:
            stack.push_async_callback(compatible.aclose)
        gateway = Gateway(
            settings,
            ledger=ledger,
            embeddings=local,
            models=models,
            oci=oci,
            compatible=compatible,
            governor=governor,
            catalog=catalog,
        )
        stack.push_async_callback(gateway.aclose)
        sources = await asyncio.to_thread(open_sources, settings, governor, catalog, session, compatible)
        remote = oci if oci is not None and settings.models.provider == "oci" else None
        yield Planes(
            gateway=gateway,
            embeddings=embeddings or _searching(settings, local, oci, database),
            local=local,
            reranker=oci.reranker() if oci is not None else None,
            guardrails=remote.guardrails() if remote is not None else None,
            database=database,
            sources=sources,
        )


def _publish_alerts(ledger: Ledger, publish: Publish | None, stack: AsyncExitStack) -> None:
    """Publish the ledger's alerts, if a topic is configured, and those that a killed process recorded but did not."""
    if publish is not None:
        outbox = AlertOutbox(ledger, publish)
        stack.push_async_callback(outbox.aclose)
        outbox.wake()


def _searching(
    settings: Settings, local: Embeddings, oci: OCIModels | None, database: AsyncConnectionPool | None
) -> Embeddings:
    """Return the embeddings that `data.embeddings` names."""
    if settings.data.embeddings == "database" and database is not None:
        from retrieval.oracle.embeddings import DatabaseEmbeddings

        return DatabaseEmbeddings(database, settings.oracle)
    return oci.embeddings() if oci is not None and settings.data.embeddings == "oci" else local


async def _database(settings: Settings, stack: AsyncExitStack) -> AsyncConnectionPool | None:
    """Open the pool of Oracle Database, if it is configured: one pool for the whole process."""
    if settings.data.backend != "oracle":
        return None
    from settings.connections.oracle_pool import open_oracle_pool

    return await stack.enter_async_context(open_oracle_pool(settings))


def _session(settings: Settings) -> OCISession | None:
    from settings.tree import uses_oci  # here: with the settings comes pydantic-settings, which a graph does not need

    if not uses_oci(settings):
        return None
    from settings.connections.oci_session import open_oci_session

    return open_oci_session(settings)


def _topic(settings: Settings, session: OCISession | None) -> Publish | None:
    if session is None or not settings.oci.topic_id:
        return None
    from observability import open_topic

    topic = open_topic(settings, session)
    return None if topic is None else topic.publish


async def _shut(telemetry: CallTelemetry) -> None:
    await asyncio.to_thread(telemetry.shutdown)
    lost = {name: count for name, count in telemetry.dropped().items() if count}
    if lost:
        _log.warning(
            "telemetry was lost because its sinks did not accept it: %s",
            ", ".join(f"{name} {count}" for name, count in lost.items()),
        )
