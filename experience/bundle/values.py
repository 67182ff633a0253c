"""What stands in a bundle beside the report: the cited documents, the verdicts, and how the report was made."""

from __future__ import annotations

import hashlib
from typing import Literal

from pydantic import BaseModel, Field

from state.report import PolicyRef
from state.values import ClaimFault, ClaimKind, Support, Usage, Value

FORMAT = 1
"""The version of the form of a bundle."""

REPORT, HTML, VERDICTS = "report.json", "report.html", "verdicts.json"
SOURCES, PROVENANCE, AUDIT, MANIFEST = "sources.json", "provenance.json", "audit.jsonl", "manifest.json"
FIXED = frozenset({REPORT, HTML, VERDICTS, SOURCES, PROVENANCE, AUDIT})
"""The members that every bundle has, but for the manifest that names them."""

SIGNATURE = "signature.json"
UNLISTED = frozenset({MANIFEST, SIGNATURE})
"""The members that the manifest does not list. It names the signer, so that a missing signature shows."""

Shown = Literal["whole", "excerpts", "quoted"]
"""How a document stands in a bundle.

`whole`: its whole canonical text. `excerpts`: the cited passages, which were compared with the canonical text when the
bundle was made. `quoted`: the cited passages as the report has them, since there was nothing to compare them with.
"""


class CitedPassage(Value):
    """A cited passage. `text` is empty where the bundle has the whole text; `sha256` is that of the passage."""

    evidence_id: str
    page: int | None
    page_end: int | None
    start: int
    end: int
    heading_path: tuple[str, ...]
    date: str
    version: str
    sha256: str
    text: str = ""


class CitedDocument(Value):
    """A cited document. With its whole text, `member` names the member that holds it, and `sha256` is that of the text.

    `reason` says why the whole text is missing: `restricted` to an audience, with parts that are `withheld` in the
    report, left out on `request`, `unavailable` because it was pruned or the caller may not read it, or because the
    report `differs` from it.
    """

    document_id: str
    source: str
    title: str
    shown: Shown
    reason: Literal["", "restricted", "withheld", "request", "unavailable", "differs"] = ""
    member: str = ""
    sha256: str = ""
    passages: tuple[CitedPassage, ...]


class BundledVerdict(Value):
    """The verdict on a claim of the last draft that was checked, with its reason as a code and in words of the program.

    What a model said about it is left out, and so is the text of a claim that was not published: both may come from a
    document that the model obeyed.
    """

    claim_id: str
    kind: ClaimKind
    verdict: Support
    score: float | None
    fault: ClaimFault | None
    reason: str
    evidence_ids: tuple[str, ...]
    published: bool


class Verdicts(Value):
    """The verdicts, in the order of the draft."""

    judge: str
    verdicts: tuple[BundledVerdict, ...]


class Sources(Value):
    """The cited documents, in the order of their first citation."""

    documents: tuple[CitedDocument, ...]


class Costs(Value):
    """What the run used, and each role of it."""

    run: Usage
    roles: dict[str, Usage]


class AuditScope(Value):
    """Which lines of the audit trail `audit.jsonl` has.

    `tenant`: all lines of the tenant about the thread; `principal`: those of the caller only; `off`: no trail is kept.
    """

    lines: Literal["tenant", "principal", "off"]
    tenant: str


class Provenance(Value):
    """How the report was made, as the report says it, and which lines of the audit trail follow.

    `policy` is the one that the guards followed in the run; each line of the trail names the one of its own time.
    """

    prompts: dict[str, str]
    models: dict[str, str]
    policy: PolicyRef | None
    costs: Costs
    audit: AuditScope


class Member(Value):
    """A member of the bundle."""

    name: str
    bytes: int = Field(ge=0)
    sha256: str


class Manifest(Value):
    """The list of all other members. `seal` is the SHA-256 of the rest of it, `renderer` that of what made the HTML.

    `signer` is the public key of a signed bundle.
    """

    format: int = FORMAT
    program: str
    renderer: str
    thread_id: str
    run_id: str
    members: tuple[Member, ...]
    signer: str = ""
    seal: str = ""

    def sealed(self) -> Manifest:
        """Return the manifest with its seal."""
        bare = self.model_copy(update={"seal": ""})
        return self.model_copy(update={"seal": sha256(written(bare))})


class ManifestHead(BaseModel):
    """What the manifest of any format has."""

    format: int
    program: str


def sha256(data: bytes) -> str:
    """Return the SHA-256 of `data` in hex digits."""
    return hashlib.sha256(data).hexdigest()


def written(value: BaseModel) -> bytes:
    """Return `value` as the JSON that a bundle holds."""
    return f"{value.model_dump_json(indent=2)}\n".encode()
