"""Begins a cassette, or records prompts: `python -m tests.cassettes.record [--question Q] [--documents D…] [NAME…]`.

A new cassette grows one answer at a time: each run stops at the first answer that is missing and records the prompt
that the answer is for. Recording a finished cassette prints what changed in its prompts, so that somebody reads the
answers again. Without a name, every cassette is recorded.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from gateway.cassette.recording import difference, recorded, rendered
from tests.cassettes.check import FOLDER, HAND_WRITTEN, names
from tests.cassettes.stage import Played, Stages

SKELETON = """\
{first_line}
question = {question}
documents = {documents}
shows = "paraphrase"         # or list, table, code, steps, two-hop, conflict, partly-absent, absent, follow-up, …
status = "answered"          # of the report: answered, partial, abstained, …
# stop_reason = "approved"
# context = {{ form = "table" }}
# turns = [{{ question = "…", answer = "…" }}]
# present = ["…"]              # stands in the report
# absent = ["…"]               # stands nowhere in the report
# rendered = \"\"\"…\"\"\"          # the whole text of the report

[passages]
# handle = "words that stand in exactly one passage of the documents"

# Uncomment and answer the prompts in {name}.prompts.md one after the other; after each answer, run
# `make cassette NAME={name}` again.

# [[researcher]]
# standalone_question = "…"
# sub_questions = ["…"]
# sections = []

# [[analyzer]]
# decision = "enough"        # or research_more, nothing
# findings = [{{ statement = "…", sub_question = "q1", quotes = [{{ evidence = "handle", quote = "…" }}] }}]
# gaps = []

# [[writer]]
# markdown = \"\"\"… [@handle].\"\"\"

# [[judge]]
# verdicts = [{{ claim = "beginning", verdict = "supported", carried_by = ["handle"], reason = "…" }}]

# [[reviewer]]
# verdict = "approve"
# findings = []

# [[mark]]                     # one for each claim of the first draft
# sentence = "beginning"
# true = true
"""


def begin(name: str, question: str, documents: list[str]) -> None:
    """Write the skeleton of a new cassette."""
    listed = "[" + ", ".join(map(_quoted, documents)) + "]"
    text = SKELETON.format(first_line=HAND_WRITTEN, question=_quoted(question), documents=listed, name=name)
    (FOLDER / f"{name}.toml").write_text(text, "utf-8")


def record(played: Played, say: Callable[[str], object]) -> None:
    """Write the prompts of a run; print what changed, and what the cassette still lacks."""
    name = played.cassette.name
    path = FOLDER / f"{name}.prompts.md"
    before = recorded(FOLDER, name)
    path.write_text(rendered(name, played.replay.asked), "utf-8")
    now = recorded(FOLDER, name)
    for label in dict.fromkeys((*before, *now)):
        if changed := difference(before.get(label, ""), now.get(label, ""), label):
            say(f"{changed if before else f'recorded: {label}'}\n")
    if before and before != now:
        say(f"{name}: read the answers in `{name}.toml` again, they were written for the earlier prompts\n")
    for fault in played.faults:
        say(f"{name}: {fault}\n")
    say(
        f"{name}: {len(now)} prompts in `{path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path}`\n"
    )


async def _record_all(wanted: list[str], say: Callable[[str], object]) -> None:
    with tempfile.TemporaryDirectory() as home:
        async with Stages(Path(home)) as stages:
            for name in wanted:
                record(await stages.play(name), say)


def main(arguments: list[str] | None = None) -> None:
    """Begin or record cassettes."""
    parser = argparse.ArgumentParser(prog="make cassette", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--question", default="")
    parser.add_argument("--documents", nargs="+", default=["docs/sample"])
    asked = parser.parse_args(arguments)
    wanted = asked.names or ([_slug(asked.question)] if asked.question else names())
    begun = wanted[:1] if asked.question else []
    unknown = [name for name in wanted if name not in (*names(), *begun)]
    if unknown:
        listed = ", ".join(map(repr, unknown))
        parser.error(f"there is no cassette {listed}; `QUESTION=…` begins one. The cassettes are {', '.join(names())}")
    if begun and begun[0] not in names():
        begin(begun[0], asked.question, asked.documents)
    asyncio.run(_record_all(wanted, sys.stdout.write))


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _slug(question: str) -> str:
    return "-".join(re.findall(r"[a-z0-9]+", question.casefold())[:6]) or "cassette"


if __name__ == "__main__":
    main()
