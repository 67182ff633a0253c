"""The extractive writer and reviewer: verbatim sentences of the findings. Pure functions."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from gateway.extractive.ranking import content_terms
from state.evidence_block import EvidenceItem
from state.roles import Review, WrittenDraft
from state.values import Severity

NO_FINDINGS = "The documents do not answer this question."
_NEWLINE = "\n"
_FOCUS = 0.5  # share of the best overlap with a person's words that a finding needs to stay; a chosen value
_IDENTITY = re.compile(r"q\d+")
_MARKERS = re.compile(r"\s*\[E?\d+\]")


def write(fields: Mapping[str, Any], evidence: Sequence[EvidenceItem] = ()) -> WrittenDraft:
    """Return the findings as Markdown lists, grouped by sub-question, every sentence with its citation markers.

    Each sentence gets its own list item, so that it stays one claim whatever characters it begins with. With the length
    `brief`, only the best finding of each sub-question is written.
    """
    kept = _focused(_once_each(_without_objected(fields)), str(fields.get("person") or ""))
    groups: dict[str, list[str]] = {}
    for finding in kept:
        lines = groups.setdefault(str(finding["sub_question"]), [])
        if not lines or fields.get("length") != "brief":
            lines.append(_sentence(finding))
    if not groups:
        return WrittenDraft(markdown=NO_FINDINGS)
    if len(groups) == 1:
        return WrittenDraft(markdown="\n".join(line for lines in groups.values() for line in lines))
    headings = _headings(kept, evidence)
    sections = [f"## {headings[key]}\n\n{_NEWLINE.join(lines)}" for key, lines in groups.items()]
    return WrittenDraft(markdown="\n\n".join(sections))


def review() -> Review:
    """Return `approve`: what failed its check is left out, and this model could write nothing else."""
    return Review(verdict="approve")


def _without_objected(fields: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the findings that no review objected to; they match by text, since claims quote findings verbatim."""
    grave = (Severity.MAJOR, Severity.CRITICAL)
    objected = [
        _plain(str(each.get("claim") or "")) for each in fields.get("review") or [] if each["severity"] in grave
    ]
    return [
        finding
        for finding in fields.get("findings") or []
        if not any(claim and claim in _plain(finding["statement"]) for claim in objected)
    ]


def _once_each(findings: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return each statement once: a sentence that answers two sub-questions stays under the first."""
    return list({_plain(each["statement"]): each for each in reversed(findings)}.values())[::-1]


def _focused(findings: list[Mapping[str, Any]], person: str) -> list[Mapping[str, Any]]:
    """Return the findings closest to a person's words, closest first; all findings if none is close."""
    wanted = frozenset(content_terms(person))
    shared = {id(each): len(wanted & frozenset(content_terms(each["statement"]))) for each in findings}
    best = max(shared.values(), default=0)
    if not best:
        return findings
    near = [each for each in findings if shared[id(each)] >= _FOCUS * best]
    return sorted(near, key=lambda each: -shared[id(each)])


def _headings(findings: Sequence[Mapping[str, Any]], evidence: Sequence[EvidenceItem]) -> dict[str, str]:
    """Return the heading of each sub-question: its text, or if only its id is known, its most cited title."""
    titles = {item.alias: item.title for item in evidence}
    cited: dict[str, Counter[str]] = {}
    for finding in findings:
        key = str(finding["sub_question"])
        cited.setdefault(key, Counter()).update(filter(None, (titles.get(alias) for alias in finding["evidence"])))
    return {key: _heading(key, counted) for key, counted in cited.items()}


def _heading(key: str, titles: Counter[str]) -> str:
    text = titles.most_common(1)[0][0] if titles and _IDENTITY.fullmatch(key) else key
    return " ".join(text.split()).lstrip("# ") or key


def _sentence(finding: Mapping[str, Any]) -> str:
    statement = " ".join(str(finding["statement"]).split())
    ended = statement if re.search(r"[.!?…。！？][\"'”’»)\]）」』]*$", statement) else f"{statement}."
    return " ".join(["-", ended, *(f"[{alias}]" for alias in dict.fromkeys(finding["evidence"]))])


def _plain(text: str) -> str:
    return " ".join(_MARKERS.sub("", text).split()).casefold()
