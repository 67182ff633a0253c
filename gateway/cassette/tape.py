"""The format of a cassette, `NAME.toml`: one question, its documents, and the answers of every role.

The answers are written by hand, as a strong model would give them. They name passages by handles: words of which code
finds the passage, because the alias of a passage (`E3`) is known only when a run has retrieved it.
"""

from __future__ import annotations

import re
import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from gateway.cassette.places import loose
from settings.faults import faults_of
from state.channels import ResearchContext
from state.errors import CassetteUnusable
from state.roles import (
    Analysis,
    ProposedFinding,
    ProposedGap,
    ProposedReviewFinding,
    QuotedEvidence,
    ResearchPlan,
    Review,
    WrittenDraft,
)
from state.values import Status, Support, Turn

PREFIX = "cassette:"

FAULTS = (
    "number",
    "entity",
    "time",
    "negation",
    "scope",
    "misattributed",
    "overstated",
    "obeys",
    "invented-alias",
    "uncited",
)
"""Ways in which a planted sentence is false."""

_SHAPING = ("form", "length", "k", "max_sub_questions", "max_research_rounds", "max_revisions")
_OPTIONS = {"form": "--form", "length": "--length", "k": "-k"}

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_BRACKETS = re.compile(r"([\[【])([^\[\]【】\n]*)([\]】])")
_HANDLE = re.compile(r"@([a-z0-9][a-z0-9_-]*)")


class TapeQuote(QuotedEvidence, extra="forbid"):
    """A quote; `evidence` is a handle."""


class TapeFinding(ProposedFinding, extra="forbid"):
    """A finding whose quotes name handles."""

    quotes: list[TapeQuote] = Field(min_length=1)  # type: ignore[assignment]  # a list of a subclass


class TapeGap(ProposedGap, extra="forbid"):
    """A gap."""


class TapePlan(ResearchPlan, extra="forbid"):
    """The researcher's answer."""


class TapeAnalysis(Analysis, extra="forbid"):
    """The analyzer's answer."""

    findings: list[TapeFinding] = Field(default_factory=list)  # type: ignore[assignment]  # a list of a subclass
    gaps: list[TapeGap] = Field(default_factory=list)  # type: ignore[assignment]


class TapeDraft(WrittenDraft, extra="forbid"):
    """The writer's answer; `[@handle]` cites the handle's passage."""


class TapeVerdict(BaseModel):
    """The verdict on the claim that begins with `claim`.

    `carried_by` names handles, each for all quotes of its passage, or `handle: words` for those that hold the words.
    """

    model_config = ConfigDict(extra="forbid")

    claim: str = Field(min_length=1)
    verdict: Support
    carried_by: tuple[str, ...] = ()
    reason: str = ""

    @property
    def carriers(self) -> list[tuple[str, str]]:
        """Return the handles of `carried_by`, each with its words."""
        return [(handle, words.strip()) for handle, _, words in (each.partition(":") for each in self.carried_by)]


class TapeVerdicts(BaseModel):
    """The judge's answer on one draft."""

    model_config = ConfigDict(extra="forbid")

    verdicts: tuple[TapeVerdict, ...] = ()


class TapeObjection(ProposedReviewFinding, extra="forbid"):
    """An objection of the reviewer. `claim` is the beginning of the claim's text, empty for the whole draft."""

    claim: str = ""


class TapeReview(Review, extra="forbid"):
    """The reviewer's answer."""

    findings: list[TapeObjection] = Field(default_factory=list)  # type: ignore[assignment]  # a list of a subclass


class Mark(BaseModel):
    """Whether the claim of the first draft that begins with `sentence` is true, and else how it is false."""

    model_config = ConfigDict(extra="forbid")

    sentence: str = Field(min_length=1)
    true: bool
    fault: str = ""

    @model_validator(mode="after")
    def _named(self) -> Self:
        if self.true == bool(self.fault) or (self.fault and self.fault not in FAULTS):
            raise ValueError(f"a false sentence has a `fault`, one of {', '.join(FAULTS)}; a true one has none")
        return self


class Cassette(BaseModel):
    """One question with all answers. `tests/cassettes/README.md` describes each field."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    question: str = Field(min_length=1)
    documents: tuple[str, ...] = Field(min_length=1)
    shows: str = Field(min_length=1)
    status: Status
    stop_reason: str | None = None
    context: dict[str, Any] = Field(default_factory=dict)
    turns: tuple[Turn, ...] = ()
    present: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    rendered: str | None = None
    passages: dict[str, str] = Field(default_factory=dict)
    researcher: tuple[TapePlan, ...] = ()
    analyzer: tuple[TapeAnalysis, ...] = ()
    writer: tuple[TapeDraft, ...] = ()
    judge: tuple[TapeVerdicts, ...] = ()
    reviewer: tuple[TapeReview, ...] = ()
    mark: tuple[Mark, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        ResearchContext.model_validate(self.context)
        unknown = sorted({handle for handle in self.used_handles() if handle not in self.passages})
        if unknown:
            raise ValueError(f"[passages] lacks {', '.join(map(repr, unknown))}")
        return self

    @property
    def model_id(self) -> str:
        """The model id that replays this cassette."""
        return PREFIX + self.name

    def check_run(self, context: ResearchContext, question: str, k: int) -> None:
        """Raise `CassetteUnusable` if a run asks another question, or has options that change what roles are asked.

        Args:
            context: the options of the run.
            question: the question as it was asked.
            k: the passages per sub-question of a run whose context sets none.
        """
        if loose(question) != loose(self.question):
            raise CassetteUnusable(
                f"cassette {self.name!r}: the run asks another question", hint=f"ask: {self.question}"
            )
        wanted, given = (_shaping(each, k) for each in (ResearchContext.model_validate(self.context), context))
        differing = [name for name in wanted if wanted[name] != given[name]]
        if differing:
            told = ", ".join(f"`{name}` {wanted[name]}, not {given[name]}" for name in differing)
            options = " ".join(f"{_OPTIONS.get(name, name)} {wanted[name]}" for name in differing)
            raise CassetteUnusable(
                f"cassette {self.name!r}: its answers were written for other options: {told}",
                hint=f"pass `{options}`, or the same fields in the run's context",
            )

    def used_handles(self) -> list[str]:
        """Return every handle that an answer names."""
        return [
            *(quote.evidence for each in self.analyzer for finding in each.findings for quote in finding.quotes),
            *(handle for draft in self.writer for handle in handles_in(draft.markdown)),
            *(handle for each in self.judge for verdict in each.verdicts for handle, _ in verdict.carriers),
        ]


def _shaping(context: ResearchContext, k: int) -> dict[str, Any]:
    """Return the options that change what roles are asked; `k` where the context sets none."""
    return {name: getattr(context, name) for name in _SHAPING} | {"k": context.k or k}


def handles_in(markdown: str) -> list[str]:
    """Return the handles that the marks of a hand-written draft name, in order."""
    return [handle for mark in _BRACKETS.finditer(markdown) for handle in _HANDLE.findall(mark[2])]


def with_aliases(markdown: str, aliases: dict[str, str]) -> str:
    """Return a hand-written draft with each `@handle` of its marks replaced by the handle's alias."""

    def resolved(mark: re.Match[str]) -> str:
        return mark[1] + _HANDLE.sub(lambda handle: aliases[handle[1]], mark[2]) + mark[3]

    return _BRACKETS.sub(resolved, markdown)


def name_of(model_id: str) -> str:
    """Return the name in `cassette:NAME` or `cassette:NAME#part`. Two parts of one cassette count as two models."""
    return model_id.removeprefix(PREFIX).partition("#")[0]


def load_cassette(folder: Path, name: str) -> Cassette:
    """Return the cassette `name` of `folder`.

    Raises:
        CassetteUnusable: there is no such cassette, or its file is not valid; the message names the fault.
    """
    if not _NAME.fullmatch(name):
        raise CassetteUnusable(
            f"{name!r} is no name of a cassette", hint="use small letters, digits and `-`, as in `cassette:two-hop`"
        )
    path = folder / f"{name}.toml"
    try:
        changed = path.stat().st_mtime_ns
    except OSError as error:
        raise CassetteUnusable(
            f"there is no cassette {name!r}",
            hint="`make cassette QUESTION=… NAME=…` begins one; SIXPLANE_MODELS__CASSETTES names the folder",
        ) from error
    return _parsed(path, name, changed)


@lru_cache(maxsize=128)
def _parsed(path: Path, name: str, changed: int) -> Cassette:
    """Return the cassette in `path`; `changed` makes an edited file another cache entry."""
    del changed
    try:
        return Cassette(name=name, **tomllib.loads(path.read_text("utf-8")))
    except (OSError, UnicodeError, tomllib.TOMLDecodeError, TypeError, ValidationError) as error:
        raise CassetteUnusable(
            f"the cassette {name!r} is not valid: {faults_of(error, limit=5)}", hint=f"mend `{path.name}`"
        ) from error
