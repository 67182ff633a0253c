"""`writer`: writes a report from the findings alone; each sentence cites aliases."""

from __future__ import annotations

from typing import Any

from langgraph.runtime import Runtime

from nodes.checks import is_statement
from nodes.collaborators import Collaborators, context_of
from nodes.draft import claims_of, draft_claims, draft_hash, literal, prepared_draft
from nodes.evidence import load_evidence, ranked_items
from nodes.outcome import tally
from nodes.prompts.writer import writing_messages
from settings.pools import CPU
from state.channels import ResearchContext, ResearchState
from state.citation_marks import neutralised
from state.roles import WrittenDraft
from state.values import Draft, Finding, Role, Support


class Writer:
    """Writes or revises the draft."""

    def __init__(self, collaborators: Collaborators) -> None:
        self._to = collaborators

    async def __call__(self, state: ResearchState, runtime: Runtime[ResearchContext]) -> dict[str, Any]:
        context = context_of(runtime)
        passages = await load_evidence(state, await self._to.corpus(context))
        cited = {quote.evidence_id for finding in state["findings"] for quote in finding.quotes}
        owned = {alias: passage for alias, passage in passages.items() if passage.evidence_id in cited}
        ranked = ranked_items(owned, state.get("hits", ()), state.get("fenced", ()))
        bare = writing_messages(state, context, [])
        items = self._to.evidence_for(runtime, Role.WRITER, WrittenDraft, bare, ranked)
        written = await self._to.ask(runtime, Role.WRITER, WrittenDraft, writing_messages(state, context, items))
        # In a thread, as in `publish`: parsing a long draft would hold up the loop.
        given = written.markdown, state.get("draft")
        draft = await CPU.run_unless_short(len(written.markdown), new_draft, *given, cut_off=written.cut_off)
        return {"draft": draft, "claims": ()}


def new_draft(markdown: str, previous: Draft | None, *, cut_off: bool = False) -> Draft:
    """Return the draft with text `markdown`, prepared, and the revision number that follows `previous`."""
    text = prepared_draft(markdown)
    revision = previous.revision + 1 if previous else 0
    return Draft(markdown=text, hash=draft_hash(text), revision=revision, cut_off=cut_off)


def draft_of_quotes(findings: tuple[Finding, ...], aliases: dict[str, str]) -> dict[str, Any]:
    """Return the update that publishes the findings' quotes, for a run whose writer failed.

    Code located the quotes in the canonical text, so each claim is supported by construction. A heading states nothing
    and is not published as if it did.
    """
    alias_of = {key: alias for alias, key in aliases.items()}
    stating = ([quote for quote in finding.quotes if is_statement(quote.quote)] for finding in findings)
    quotes = list(dict.fromkeys(each[0] for each in stating if each))
    if not quotes:
        return {"draft": None}
    shown = {q: neutralised(" ".join(q.quote.split())) for q in quotes}
    draft = new_draft("\n\n".join(f"{literal(text)} [{alias_of[q.evidence_id]}]" for q, text in shown.items()), None)
    drafted = draft_claims(draft.markdown)
    claims = tuple(
        claim.model_copy(update={"verdict": Support.SUPPORTED, "score": 1.0, "citations": citations})
        for claim, each in zip(claims_of(drafted), drafted, strict=True)
        if (citations := tuple(q for q in quotes if alias_of[q.evidence_id] in each.aliases and each.text in shown[q]))
    )
    return {"draft": draft, "claims": claims, "verification": tally(claims, draft, "verbatim")}
