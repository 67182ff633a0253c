"""The extractive writer and reviewer: verbatim sentences of the findings. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from gateway.extractive.ranking import content_terms
from state.roles import Review, WrittenDraft
from state.values import Severity

NO_FINDINGS = "The documents do not answer this question."
_NEWLINE = "\n"
_FOCUS = 0.5  # share of the best overlap with a person's words that a finding needs to stay; a chosen value
_MARKERS = re.compile(r"\s*\[E?\d+\]")


def write(fields: Mapping[str, Any]) -> WrittenDraft:
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
    headings = _planned_headings(fields) if len(groups) > 1 else {}
    sections: list[str] = []
    for key, lines in groups.items():
        if key in headings:
            sections.append(f"## {headings[key]}\n\n{_NEWLINE.join(lines)}")
        else:
            # Without a heading of its own it goes on with the list before it: two lists would look like two subjects.
            sections[-1:] = [_NEWLINE.join([*sections[-1:], *lines])]
    return WrittenDraft(markdown="\n\n".join(sections))


def review() -> Review:
    """Return `approve`: what failed its check is left out, and this model could write nothing else."""
    return Review(verdict="approve", findings=[])


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


def _planned_headings(fields: Mapping[str, Any]) -> dict[str, str]:
    """Return the planned section of each sub-question of the first round: `plan` makes one for each."""
    return {f"q{number}": str(title) for number, title in enumerate(fields.get("sections") or [], 1)}


def _sentence(finding: Mapping[str, Any]) -> str:
    statement = " ".join(str(finding["statement"]).split())
    ended = statement if re.search(r"[.!?…。！？][\"'”’»)\]）」』]*$", statement) else f"{statement}."
    return " ".join(["-", ended, *(f"[{alias}]" for alias in dict.fromkeys(finding["evidence"]))])


def _plain(text: str) -> str:
    return " ".join(_MARKERS.sub("", text).split()).casefold()
