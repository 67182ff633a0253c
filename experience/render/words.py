"""What a report says about itself: its status, how it was checked, and what produced it."""

from __future__ import annotations

from collections.abc import Iterator

from state.money import dollars
from state.report import Report
from state.values import EXTRACTIVE, Role, Status, Support, Usage

_STATUSES = {
    Status.ANSWERED: "Answered",
    Status.PARTIAL: "Answered in part",
    Status.ABSTAINED: "Not answered",
    Status.REFUSED: "Refused",
    Status.STOPPED: "Stopped",
}

_REASONS = {
    "approved": "",
    "approved_by_person": "approved by a person",
    "not_reviewed": "no reviewer read it",
    "rejected_by_person": "rejected by a person",
    "gaps_left": "the documents leave a part of the question open",
    "findings_left_out": "no statement about a part of the question passed the check",
    "unverified_claims": "some statements could not be checked",
    "draft_truncated": "the answer was too long for the model, and its end is missing",
    "no_evidence": "the documents hold nothing that answers it",
    "no_supported_claim": "no statement passed the check",
    "retrieval_failed": "the search failed",
    "node_timeout": "a step took too long",
    "budget_exceeded": "the budget was used up",
    "model_output_invalid": "a model gave no usable answer",
    "model_unavailable": "a model was unavailable",
    "guard_unavailable": "a guard was unavailable",
}
"""Stop reasons in words. Any other is shown as it is, without its underscores."""


def status_words(report: Report) -> str:
    """Return the status as a reader would say it."""
    return _STATUSES[report.status]


def reason_words(report: Report) -> str:
    """Return why the run ended as it did, or an empty string where the status says it all."""
    reason = report.stop_reason
    if reason.startswith("policy:"):
        return f"a guard objects: {_words(reason.removeprefix('policy:'))}"
    return _REASONS.get(reason, _words(reason))


COMPILED = "The built-in model compiles excerpts from your documents; it does not write."
"""What a report of the extractive model says about itself."""


def compiled_line(report: Report) -> str:
    """Return in one sentence that no model has written the answer, or an empty string if one has."""
    states = any(claim.kind.states for claim in report.claims)
    return COMPILED if states and report.models.get(Role.WRITER.value) == EXTRACTIVE else ""


def verification_line(report: Report) -> str:
    """Return in one sentence how many statements are supported, and what happened to the others."""
    if not any(claim.kind.states for claim in report.claims):
        return ""
    # All that the draft stated and the report does not: also what passed the check and led to something that did not.
    left_out = max(report.verification.claims - sum(claim.kind.states for claim in report.claims), 0)
    more = f"; {left_out} more {'was' if left_out == 1 else 'were'} left out" if left_out else ""
    return f"{_checked(report)}{more}."


def verification_facts(report: Report) -> Iterator[tuple[str, str]]:
    """Yield name and value of what the check counted in the whole draft."""
    tally = report.verification
    if not tally.claims:
        return
    yield "Statements in the draft", str(tally.claims)
    yield "Supported by their quotes", str(tally.supported)
    for verdict in (Support.CONTRADICTED, Support.UNSUPPORTED, Support.UNVERIFIED):
        count = getattr(tally, verdict.value)
        if count:
            yield verdict.value.capitalize(), str(count)
    yield "With a citation", f"{tally.coverage:.0%}"
    yield "Judge", tally.judge or "none"
    if report.masks:
        yield "Masked", masks_words(report)


def masks_words(report: Report) -> str:
    """Return how many places of the answer are masked, and what they held."""
    kinds = sorted({mask.kind.replace("_", " ").lower() for mask in report.masks})
    return f"{_many(len(report.masks), 'place')} ({', '.join(kinds)})" if kinds else ""


def roles(report: Report) -> Iterator[tuple[str, str, str, str]]:
    """Yield role, model, version of the prompt, and usage of each role that had a model or used one.

    A report names the prompts of all roles; that of a judge tells nothing where no model judged.
    """
    for role in dict.fromkeys((*report.models, *report.usage_by_role)):
        used = report.usage_by_role.get(role)
        yield role, report.models.get(role, ""), report.prompts.get(role, ""), usage_line(used) if used else ""


def role_line(model: str, prompt: str, used: str) -> str:
    """Return model, version of the prompt and usage of a role on one line."""
    return ", ".join(filter(None, (model, f"prompt {prompt}" if prompt else "", used)))


_GUARDED = {
    "passage_dropped": "dropped",
    "passage_fenced": "withheld in part",
    "passage_redacted": "redacted",
}


def run_facts(report: Report) -> Iterator[tuple[str, str]]:
    """Yield name and value of what identifies the run and what it took."""
    corpus = report.corpus
    if corpus:
        holds = f"{_many(corpus.documents, 'document')}, {_many(corpus.passages, 'passage')}"
        yield "Corpus", f"{corpus.name}, version {corpus.version} ({holds})"
    yield "Usage", usage_line(report.usage)
    yield "Loops", f"{_many(report.research_rounds, 'research round')}, {_many(report.revisions, 'revision')}"
    if report.policy and report.policy.hash:
        version = f"version {report.policy.version}, " if report.policy.version else ""
        yield "Policy", f"{version}hash {report.policy.hash[:12]}"
    yield from (("Thread", report.thread_id), ("Run", report.run_id), ("Trace", report.trace_id))


def left_out(report: Report) -> tuple[str, ...]:
    """Return what was left out of the answer, and what the guards kept from the models: a reader may miss it."""
    lines = []
    for kind, what in _GUARDED.items():
        told = [event.detail.partition(": ")[2] for event in report.events if event.kind == kind]
        if told:
            reasons = ", ".join(sorted({_words(each) for each in told if each}))
            lines.append(f"{_many(len(told), 'passage')} that a guard {what}{f': {reasons}' if reasons else ''}")
    return (*report.unresolved, *lines)


def usage_line(usage: Usage) -> str:
    """Return calls, tokens and cost on one line."""
    tokens = f"{_many(usage.input_tokens, 'token')} in, {usage.output_tokens} out"
    return f"{_many(usage.calls, 'call')}, {tokens}, {dollars(usage.cost_micro_usd)} USD"


def _many(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _words(name: str) -> str:
    return " ".join(name.replace("_", " ").split())


def _checked(report: Report) -> str:
    claims = [claim for claim in report.claims if claim.kind.states]
    count = len(claims)
    supported = sum(claim.verdict == Support.SUPPORTED for claim in claims)
    unverified = sum(claim.verdict == Support.UNVERIFIED for claim in claims)
    if supported == count:
        one = f"The statement is supported by its quote{'s' if len(claims[0].citations) > 1 else ''}"
        return one if count == 1 else f"All {count} statements are supported by their quotes"
    if unverified == count:
        one, none = "The statement could not be checked", f"None of the {count} statements could be checked"
        return f"{one} and is marked" if count == 1 else f"{none}; all are marked"
    doubt = f"; {unverified} could not be checked and {'is' if unverified == 1 else 'are'} marked" if unverified else ""
    return f"{supported} of {count} statements are supported by their quotes{doubt}"
