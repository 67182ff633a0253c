"""Collects what stands in the evidence bundle of a thread."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experience.service.threads import UNFINISHED, ThreadRecord
from observability.audit import AuditTrail, lines_about, named
from retrieval import Corpora, Corpus
from settings.pools import CPU
from state.access import Held
from state.errors import BadInput, CorpusMissing, ReviewPending, SettingsInvalid, ThreadBusy
from state.report import Report
from state.values import Claim

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from experience.bundle import Bundle, WholeTexts

EXPORT = "export"
"""The operation in the audit trail. Its lines are left out of a bundle: two exports in a row are the same file."""


@dataclass(frozen=True)
class Reader:
    """Whom a bundle is for: what it may read, and whose lines of the audit trail it gets.

    Args:
        audiences: its audiences; `None`: an administrator or operator.
        principal: only the lines of this principal; `None`: those of the whole tenant.
    """

    audiences: Held = None
    principal: str | None = None


@dataclass(frozen=True)
class FinishedRun:
    """The latest run of a thread, with its report and all claims of its last draft."""

    record: ThreadRecord
    report: Report
    claims: Sequence[Claim]


def finished(record: ThreadRecord, values: Mapping[str, Any]) -> FinishedRun:
    """Return the latest run of a thread, whose state has `values`.

    Raises:
        ReviewPending: it waits for a person.
        ThreadBusy: it has no report yet.
        BadInput: its checkpoints were removed.
    """
    if record.status == "review":
        raise ReviewPending(f"the thread {record.thread_id!r} waits for a person's answer and has no report")
    if record.status not in UNFINISHED and not values:
        raise BadInput(
            f"the checkpoints of the thread {record.thread_id!r}, which a bundle needs, were removed for their age",
            hint="export a thread before `retention.checkpoints_days` have passed",
        )
    if record.status in UNFINISHED or not values.get("report"):
        hint = f"`sixplane resume {record.thread_id}` finishes it, unless another process is running it"
        told = f"the last run of the thread {record.thread_id!r} has no report yet"
        raise ThreadBusy(told, hint=hint, ends=record.status == "running")
    report = Report.model_validate(values["report"])
    # No verdicts belong to a report that counts none: its run ended before its last draft was checked.
    return FinishedRun(record, report, values.get("claims", ()) if report.verification.claims else ())


async def export_run(
    run: FinishedRun,
    corpora: Corpora,
    trail: AuditTrail,
    reader: Reader,
    whole: WholeTexts,
    key: Ed25519PrivateKey | None,
) -> Bundle:
    """Return the bundle of a run.

    Raises:
        BadInput: it is too large.
        DependencyUnavailable: the audit trail cannot be read.
    """
    from experience.bundle import (  # here: it renders and signs; `signing_key` has loaded it, in a thread
        AuditScope,
        Contents,
        build,
        gather,
    )

    corpus = await _corpus(corpora, run, reader.audiences)
    gathered = await gather(run.report, corpus, whole)
    lines = await asyncio.to_thread(_lines, trail, run, reader) if trail.enabled else []
    kept = "off" if not trail.enabled else "tenant" if reader.principal is None else "principal"
    contents = Contents(
        report=run.report,
        claims=run.claims,
        gathered=gathered,
        audit=AuditScope(lines=kept, tenant=run.record.tenant),
        lines=lines,
        key=key,
    )
    return await CPU.run(build, contents)


def signing_key(given: Path | None, configured: Path | None) -> Ed25519PrivateKey | None:
    """Return the key to sign with: the given one, else that of the setting `audit.bundle_key`, if there is one.

    To be called in a thread: it loads what makes a bundle, which would hold the event loop.

    Raises:
        BadInput: the given file has none.
        SettingsInvalid: that of the setting has none.
    """
    from experience.bundle import private_key

    if given is not None or configured is None:
        return private_key(given) if given else None
    try:
        return private_key(configured)
    except BadInput as error:
        raise SettingsInvalid(f"`audit.bundle_key`: {error.message}", hint=error.hint) from error


async def _corpus(corpora: Corpora, run: FinishedRun, audiences: Held) -> Corpus | None:
    if run.report.corpus is None:
        return None
    try:
        return await corpora.get(run.record.tenant, run.report.corpus.name, audiences)
    except CorpusMissing:  # it was deleted: the report keeps its quotes
        return None


def _lines(trail: AuditTrail, run: FinishedRun, reader: Reader) -> list[bytes]:
    """Return the lines about the thread and its latest run since the thread was begun."""
    objects = [named("thread", run.record.thread_id), named("run", run.report.run_id)]
    begun = datetime.fromisoformat(run.record.created_at)

    def wanted(fields: dict[str, Any]) -> bool:
        # An earlier thread of the same name, which was deleted, may have been somebody else's.
        recent = datetime.fromisoformat(fields["at"]) >= begun
        own = reader.principal is None or fields["principal"] == reader.principal
        return recent and own and fields["tenant"] == run.record.tenant and fields["operation"] != EXPORT

    return lines_about(trail.path, objects, wanted)
