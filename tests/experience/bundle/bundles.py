"""Bundles for the tests of this package, and how a forger would change them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from experience.bundle import AuditScope, Bundle, Contents, WholeTexts, build, gather, verify_bundle
from experience.bundle.archive import pack, unpack
from experience.bundle.values import MANIFEST, Manifest, Member, sha256, written
from observability.audit.chain import GENESIS, seal
from state.report import PolicyRef, Report
from state.values import Claim, ClaimFault, Quote, Support, Verification
from tests.experience.reports import CorpusStub, make_report

TENANT = "local"


def audit_lines(count: int = 3, **fields: Any) -> list[bytes]:
    """Return lines of a trail about the thread of `make_report`, of which the second was about something else."""
    lines, previous = [], GENESIS
    about = {"at": "2026-11-27T12:00:00+00:00", "kind": "read", "object": "thread:t1", "tenant": TENANT, **fields}
    for number in range(1, count + 2):
        line, link = seal(number, about, previous)
        previous = link.digest
        lines += [line] if number != 2 else []
    return lines


def claims_of(report: Report) -> list[Claim]:
    """Return the claims of a draft of which `report` shows all but the last."""
    shown = [
        Claim(
            id=each.id,
            text=each.text,
            kind=each.kind,
            verdict=each.verdict,
            score=each.score,
            citations=tuple(Quote(**quote.model_dump()) for quote in each.citations),
        )
        for each in report.claims
    ]
    left_out = Claim(id="c9", text="Nobody said so.", verdict=Support.UNSUPPORTED, fault=ClaimFault.NUMBER, reason="no")
    return [*shown, left_out]


def checked_report(**changes: Any) -> Report:
    """Return a report whose verification counts the claims of `claims_of`."""
    tally = Verification(claims=3, supported=2, unsupported=1, coverage=0.6667, judge="local", draft_hash="x")
    return make_report(**{"verification": tally, "policy": PolicyRef(version="7", hash="ab"), **changes})


async def bundle_of(
    report: Report | None = None, corpus: Any = None, whole: WholeTexts = WholeTexts.OPEN, **changes: Any
) -> Bundle:
    """Return the bundle of a report; without a corpus, of `CorpusStub`."""
    report = report or checked_report()
    given: dict[str, Any] = {
        "claims": claims_of(report),
        "audit": AuditScope(lines="tenant", tenant=TENANT),
        "lines": audit_lines(),
        **changes,
    }
    return build(Contents(report=report, gathered=await gather(report, corpus or CorpusStub(), whole), **given))


def forged(data: bytes, change: Callable[[dict[str, bytes]], None]) -> bytes:
    """Return a bundle with other members and a manifest that fits them: what only a comparison of digests shows."""
    members = unpack(data)
    old = Manifest.model_validate_json(members.pop(MANIFEST))
    change(members)
    listed = [Member(name=name, bytes=len(each), sha256=sha256(each)) for name, each in sorted(members.items())]
    members[MANIFEST] = written(old.model_copy(update={"members": tuple(listed)}).sealed())
    return pack(members)


def edited(data: bytes, name: str, change: Callable[[Any], None]) -> bytes:
    """Return a forged bundle of which one JSON member was changed."""

    def edit(members: dict[str, bytes]) -> None:
        content = json.loads(members[name])
        change(content)
        members[name] = json.dumps(content).encode()

    return forged(data, edit)


def faults(data: bytes) -> list[tuple[str, str]]:
    """Return kind and member of the faults of a bundle, and the kinds of those of its report."""
    result = verify_bundle(data)
    report = [(fault.kind, "report") for fault in result.report.faults] if result.report else []
    found = [(fault.kind, fault.member) for fault in result.faults] + report
    assert (result.outcome == "failed") is bool(found)
    return found
