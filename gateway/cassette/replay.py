"""One run through a cassette: gives each role its next answer, with handles and beginnings resolved.

A run asks its own question about its own passages. Whatever the cassette has no answer for is an error that names the
cassette, the role and the remedy: an answer to another prompt would prove nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from langchain_core.messages import BaseMessage

from gateway.cassette.places import begun_by, holders, loose, plain
from gateway.cassette.recording import Asked, stable_name
from gateway.cassette.tape import Cassette, TapeReview, TapeVerdict, handles_in, with_aliases
from state.citation_marks import neutralised
from state.errors import CassetteUnusable
from state.evidence_block import EvidenceItem
from state.prompt_fields import parse_fields
from state.roles import Analysis, JudgedReview, ResearchPlan, Review, Verdicts, WrittenDraft

Fields = Mapping[str, Any]
Entry = TypeVar("Entry")

_ROLES = {
    ResearchPlan.__name__: "researcher",
    Analysis.__name__: "analyzer",
    WrittenDraft.__name__: "writer",
    "": "writer",  # the only role that may be asked for bare text
    Verdicts.__name__: "judge",
    Review.__name__: "reviewer",
    JudgedReview.__name__: "judge and reviewer",
}


class Replay:
    """The course of one run. `asked` holds its calls so far, the one that could not be answered included.

    A process that resumes a killed run begins the cassette anew: a cassette is for whole runs.
    """

    def __init__(self, cassette: Cassette) -> None:
        self.cassette = cassette
        self.asked: list[Asked] = []
        self._given: Counter[str] = Counter()
        self._aliases: dict[str, str] = {}
        self._names: dict[str, str] = {}

    def answer(self, messages: Sequence[BaseMessage], schema: str) -> str:
        """Return the answer to a prompt: JSON of `schema`, or the bare draft if `schema` is empty.

        Raises:
            CassetteUnusable: the cassette has no answer to this prompt.
        """
        role = _ROLES.get(schema)
        if role is None:
            raise self._fault(f"it holds no answers in `{schema}`", "ask one of the roles' schemas")
        system, human = _texts(messages)
        fields, evidence = parse_fields(human)
        seen = frozenset(self._names.values())
        self._see(evidence)
        self.asked.append(Asked(self._label(role, fields), system, human, dict(self._names), seen))
        return self._answers()[role](fields, evidence) if schema else self._markdown(evidence)

    def _answers(self) -> dict[str, Callable[[Fields, Sequence[EvidenceItem]], str]]:
        return {
            "researcher": self._plan,
            "analyzer": self._analysis,
            "writer": lambda _, evidence: WrittenDraft(markdown=self._markdown(evidence)).model_dump_json(),
            "judge": lambda fields, _: Verdicts.model_validate(self.verdicts(fields)).model_dump_json(),
            "reviewer": lambda fields, _: Review.model_validate(self._review(fields)).model_dump_json(),
            "judge and reviewer": lambda fields, _: JudgedReview.model_validate(
                {**self.verdicts(fields), **self._review(fields)}
            ).model_dump_json(),
        }

    def _plan(self, fields: Fields, _: Sequence[EvidenceItem]) -> str:
        cassette = self.cassette
        if loose(str(fields.get("question", ""))) != loose(cassette.question):
            raise self._fault("the run asks another question", f"ask: {cassette.question}")
        told = [(loose(turn["question"]), loose(turn["answer"])) for turn in fields.get("history") or []]
        if told != [(loose(turn.question), loose(turn.answer)) for turn in cassette.turns]:
            raise self._fault(
                f"the run's conversation differs from its {len(cassette.turns)} `turns`",
                "ask on a new thread, or send the conversation of the cassette",
            )
        return self._next("researcher", cassette.researcher).model_dump_json()

    def _analysis(self, _: Fields, evidence: Sequence[EvidenceItem]) -> str:
        analysis = self._next("analyzer", self.cassette.analyzer)
        handles = [quote.evidence for finding in analysis.findings for quote in finding.quotes]
        aliases = self._shown("analyzer", handles, evidence)
        said = analysis.model_dump(mode="json")
        for quote in (quote for finding in said["findings"] for quote in finding["quotes"]):
            quote["evidence"] = aliases[quote["evidence"]]
            quote["quote"] = neutralised(quote["quote"])  # a model copies what it was shown
        return Analysis.model_validate(said).model_dump_json()

    def _markdown(self, evidence: Sequence[EvidenceItem]) -> str:
        draft = self._next("writer", self.cassette.writer)
        return with_aliases(draft.markdown, self._shown("writer", handles_in(draft.markdown), evidence)).strip()

    def verdicts(self, fields: Fields) -> dict[str, Any]:
        """Return a verdict for each claim of the prompt.

        The table of the latest draft comes first and earlier ones stay valid: after a revision only new claims are
        asked about. A long draft is asked about in parts.
        """
        tables = self.cassette.judge[: max(self._given["writer"], 1)]
        known = {each.claim: each for table in tables for each in table.verdicts}
        claims = fields.get("claims") or []
        used: dict[str, str] = {}
        verdicts = []
        for claim in claims:
            beginning = begun_by(claim["text"], known)
            if beginning is None:
                raise self._unanswered("judge", f"it has no verdict on the claim {claim['text']!r}")
            if used.setdefault(beginning, plain(claim["text"])) != plain(claim["text"]):
                raise self._fault(f"two claims begin with {beginning!r}", "write more words of each claim")
            verdicts.append(self._verdict(claim, known[beginning]))
        return {"verdicts": verdicts}

    def _verdict(self, claim: Fields, verdict: TapeVerdict) -> dict[str, Any]:
        carriers: dict[str, None] = {}
        for handle, words in verdict.carriers:
            alias = self._aliases.get(handle)
            quotes = {quote["id"]: quote["quote"] for quote in claim["quotes"] if quote["evidence"] == alias}
            if not quotes:
                raise self._fault(
                    f"the judge's verdict on {verdict.claim!r} is carried by {handle!r}, which is not among its quotes",
                    "cite the handle's passage in the draft, or take it out of `carried_by`",
                )
            found = holders(words, quotes)
            if not found:
                raise self._fault(
                    f"the judge is not shown {words!r}, which carries {verdict.claim!r}, but {list(quotes.values())}",
                    "name a quote that it is shown; if none carries the claim, the choice of quotes is at fault",
                )
            carriers |= dict.fromkeys(found)
        carried = list(carriers)
        return {"claim": claim["id"], "verdict": verdict.verdict, "carried_by": carried, "reason": verdict.reason}

    def _review(self, fields: Fields) -> dict[str, Any]:
        review: TapeReview = self._next("reviewer", self.cassette.reviewer)
        texts = {claim["text"]: claim["id"] for claim in fields.get("claims") or []}
        findings = []
        for objection in review.findings:
            named = [key for text, key in texts.items() if objection.claim and begun_by(text, [objection.claim])]
            if objection.claim and not named:
                raise self._fault(
                    f"the reviewer objects to {objection.claim!r}, which begins no claim", "write the claim's beginning"
                )
            severity, remedy = objection.severity, objection.remedy
            findings.append({"claim_id": named[0] if named else "", "severity": severity, "remedy": remedy})
        return {"verdict": review.verdict, "findings": findings}

    def _see(self, evidence: Iterable[EvidenceItem]) -> None:
        """Remember aliases: the judge's prompt names them, but shows no whole passages."""
        texts = {item.alias: item.text for item in evidence}
        self._names |= {item.alias: stable_name(item) for item in evidence}
        for handle, words in self.cassette.passages.items():
            for alias in holders(words, texts)[:1]:
                self._aliases[handle] = alias

    def _shown(self, role: str, handles: Iterable[str], evidence: Sequence[EvidenceItem]) -> dict[str, str]:
        """Return the alias of each handle in the prompt's evidence."""
        texts = {item.alias: item.text for item in evidence}
        aliases: dict[str, str] = {}
        for handle in handles:
            found = holders(self.cassette.passages[handle], texts)
            if len(found) != 1:
                raise self._fault(
                    f"{len(found)} of the {len(texts)} passages that the {role} was shown hold the words of {handle!r}",
                    "ingest the cassette's `documents`; if it did, the search does not find the passage any more",
                )
            aliases[handle] = found[0]
        return aliases

    def _next(self, role: str, answers: Sequence[Entry]) -> Entry:
        given, self._given[role] = self._given[role], self._given[role] + 1
        if given >= len(answers):
            raise self._unanswered(role, f"it holds {len(answers)} answers of the {role}, and the run asks once more")
        return answers[given]

    def _label(self, role: str, fields: Fields) -> str:
        """Return role and number of a call. Parts of a long draft are judged at once, so a claim names each."""
        claims = fields.get("claims")
        what = f"{role} of {claims[0]['id']}" if role == "judge" and claims else role
        return f"{what} {1 + sum(each.label.rpartition(' ')[0] == what for each in self.asked)}"

    def _unanswered(self, role: str, what: str) -> CassetteUnusable:
        return self._fault(what, f"write the answer under [[{role}]]; `make cassette` shows the prompt")

    def _fault(self, what: str, remedy: str) -> CassetteUnusable:
        # It may quote words of the cassette, which a developer wrote, and never those of a document.
        return CassetteUnusable(f"cassette {self.cassette.name!r}: {what}", hint=remedy)


def _texts(messages: Sequence[BaseMessage]) -> tuple[str, str]:
    """Return the system message and the first human message, which holds the fields; a repair follows it."""
    system = next((str(message.text) for message in messages if message.type == "system"), "")
    return system, next((str(message.text) for message in messages if message.type == "human"), "")
