"""What `sixplane guard` prints: an explanation as tables, and the texts on which two policies differ."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from experience.cli.output import print_table, say
from policy import Action, Screening, Stage, build_guards
from policy.explain import Explanation, StageTold
from retrieval import load_embeddings
from state.errors import BadInput
from state.values import Value

if TYPE_CHECKING:
    from settings import Settings

SHOWN_WINDOWS = 5
"""How many windows of a stage the table shows; `--json` has more."""

SNIPPET_CHARS = 60


class Difference(Value):
    """A text to which two policies do different things, by its line in the file."""

    line: int
    action: str
    category: str
    candidate_action: str
    candidate_category: str


def tell_explanation(told: Explanation, text: str) -> None:
    """Print `told` as tables. Windows are shown with their words: whoever reads them has typed them."""
    say(f"policy: {told.policy.version or 'without a version'}, {told.policy.hash}")
    rows = [
        (stage.stage.value, each.guard, each.action.value, each.category, each.reason)
        for stage in told.stages
        for each in stage.guards
    ]
    print_table(("stage", "guard", "action", "category", "reason"), rows)
    windows = [row for stage in told.stages for row in _windows(stage, text)]
    if windows:
        columns = (
            "stage",
            "offsets",
            "read as",
            "looks for",
            "words",
            "second opinion",
            "score",
            "limits",
            "action",
            "text",
        )
        print_table(columns, windows)
    for stage in told.stages:
        say(f"{stage.stage.value}: {stage.action.value}")
    question = told.at(Stage.QUESTION)
    if question.action is Action.REDACT:
        say(f"text: {question.text}")


def _windows(stage: StageTold, text: str) -> list[tuple[str, ...]]:
    from policy import normalised

    given = normalised(text) if stage.stage is Stage.QUESTION else text
    return [
        (
            stage.stage.value,
            f"{each.start}-{each.end}",
            each.reading,
            each.kind,
            f"{each.words:.2f}",
            "" if each.second_opinion is None else f"{each.second_opinion:.2f}",
            f"{each.score:.2f}",
            f"{each.flag_above:g}, {each.refuse_above:g}",
            each.action.value,
            given[each.start : each.end][:SNIPPET_CHARS],
        )
        for guard in stage.guards
        for each in guard.windows[:SHOWN_WINDOWS]
    ]


def texts_of(file: Path) -> list[tuple[int, str]]:
    """Return the texts of a file in JSON Lines, each with the number of its line.

    Raises:
        BadInput: the file cannot be read as UTF-8, or a line is no text and has none.
    """
    try:
        # Not `splitlines`: it also splits at U+2028, which JSON allows inside of a string.
        lines = file.read_text("utf-8-sig").split("\n")
    except UnicodeDecodeError:
        raise BadInput("the file is not UTF-8", hint="convert it, for example with `iconv -t UTF-8`") from None
    return [(number, _text(line, number)) for number, line in enumerate(lines, 1) if line.strip()]


def _text(line: str, number: int) -> str:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        row = None
    text = (row.get("question") or row.get("text")) if isinstance(row, dict) else row
    if not isinstance(text, str):
        raise BadInput(f"line {number} is no text", hint='write a string, {"question": "…"} or {"text": "…"} a line')
    return text


async def differences(settings: Settings, texts: list[tuple[int, str]]) -> list[Difference]:
    """Return the texts to which the candidate of `settings` does something else, as questions."""
    guards = build_guards(settings, embeddings=load_embeddings(settings))
    found = []
    for line, text in texts:
        now = await guards.screen(text, Stage.QUESTION)
        if now.candidate is not None and now.candidate.effect != now.effect:
            found.append(_difference(line, now, now.candidate))
    return found


def _difference(line: int, now: Screening, then: Screening) -> Difference:
    return Difference(
        line=line,
        action=now.verdict.action.value,
        category=now.verdict.category,
        candidate_action=then.verdict.action.value,
        candidate_category=then.verdict.category,
    )
