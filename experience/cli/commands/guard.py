"""`sixplane guard`: screens a text like a question."""

from __future__ import annotations

from typing import Annotated

import typer

from experience.cli.options import Home, Json
from experience.cli.output import print_json, say
from experience.cli.running import run_async, settings_of, text_argument
from experience.exits import Exit


def guard(
    text: Annotated[str, typer.Argument(help="The text; `-` reads it from standard input.")],
    json_output: Json = False,
    home: Home = None,
) -> None:
    """Screen a text like a question. The exit status is 3 if the policy refuses it."""
    from policy import Action, Stage, build_guards
    from retrieval import load_embeddings

    settings = settings_of(home)
    guards = build_guards(settings, embeddings=load_embeddings(settings))
    screening = run_async(guards.screen(text_argument(text), Stage.QUESTION))
    if json_output:
        print_json(screening.model_dump(mode="json"))
    else:
        verdict = screening.verdict
        say(f"action: {verdict.action.value}")
        if verdict.action is not Action.ALLOW:
            say(f"policy: {verdict.policy}")
            say(f"category: {verdict.category}")
            say(f"reason: {verdict.reason}")
        if verdict.action is Action.REDACT:
            say(f"text: {screening.text}")
    if screening.verdict.action is Action.REFUSE:
        raise typer.Exit(Exit.REFUSED)
