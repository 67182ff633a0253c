"""`sixplane policy` shows the policy in force and checks a policy file; `sixplane guard` screens a text."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from experience.cli.errors import handled
from experience.cli.options import Home, Json
from experience.cli.output import print_json, print_table, say
from experience.cli.running import run_async, settings_of, text_argument
from experience.exits import Exit, status_of_code
from state.errors import BadInput, GuardUnavailable

if TYPE_CHECKING:
    from settings import Settings
    from settings.policy import PolicySettings

Policy = Annotated[Path | None, typer.Option("--policy", help="A policy file, in place of the policy in force.")]
Texts = Annotated[
    Path | None,
    typer.Option("--file", help="JSON Lines: strings, or objects with `question` or `text`.", dir_okay=False),
]
app = typer.Typer(help="Show the policy of the guards, and check a policy file.", no_args_is_help=True)
File = Annotated[Path, typer.Argument(metavar="FILE", help="The policy file.")]


def guard(
    text: Annotated[str, typer.Argument(help="The text; `-` reads it from standard input.")] = "",
    policy: Policy = None,
    file: Texts = None,
    json_output: Json = False,
    home: Home = None,
) -> None:
    """Say what the local guards do with a text as a question, as evidence and as an answer, and why.

    The exit status is 3 if the question is refused, and 5 if a guard could not answer. With `--file`, list the
    questions of a file to which `--policy` does something else than the policy in force.
    """
    from settings.policy_file import load_policy

    settings = settings_of(home)
    if file is not None:
        if policy is None or text:
            raise BadInput("`--file` compares two policies", hint="give `--policy FILE`, and no text")
        _compare(settings, policy, file, as_json=json_output)
        return
    if policy is not None:
        settings = settings.model_copy(update={"policy": load_policy(policy)})
    _explain(settings, text_argument(text), as_json=json_output)


def _explain(settings: Settings, text: str, *, as_json: bool) -> None:
    from experience.cli.explaining import tell_explanation
    from policy import GUARD_UNAVAILABLE, Action, Stage, build_guards
    from policy.explain import explain
    from retrieval import load_embeddings

    told = run_async(explain(build_guards(settings, embeddings=load_embeddings(settings)), text))
    if as_json:
        print_json(told.model_dump(mode="json"))
    else:
        tell_explanation(told, text)
    asked = told.at(Stage.QUESTION)
    if asked.action is Action.REFUSE:
        raise typer.Exit(status_of_code(GUARD_UNAVAILABLE) if asked.category == GUARD_UNAVAILABLE else Exit.REFUSED)


def _compare(settings: Settings, policy: Path, file: Path, *, as_json: bool) -> None:
    from experience.cli.explaining import differences, texts_of

    texts = texts_of(file)
    tried = settings.model_copy(update={"policy_candidate_file": policy})
    changed = run_async(differences(tried, texts))
    if as_json:
        print_json({"texts": len(texts), "changed": [each.model_dump(mode="json") for each in changed]})
        return
    say(f"texts: {len(texts)}, changed: {len(changed)}")
    if changed:
        columns = ("line", "now", "category", "then", "category")
        print_table(columns, [tuple(each.model_dump().values()) for each in changed])


def show(json_output: Json = False, home: Home = None) -> None:
    """Show the policy in force, and the policy that is tried: version, hash and settings."""
    from settings.policy_file import load_policy

    settings = settings_of(home)
    described = _described(settings, settings.policy)
    if settings.policy_candidate_file is not None:
        described["candidate"] = _described(settings, load_policy(settings.policy_candidate_file))
    _tell(described, as_json=json_output)


def check(file: File, json_output: Json = False, home: Home = None) -> None:
    """Check a policy file, load everything that its guards need, and show it. Nothing is changed."""
    from settings.policy_file import load_policy

    settings = settings_of(home).model_copy(update={"policy": load_policy(file)})
    run_async(_probe(settings))
    _tell(_described(settings, settings.policy), as_json=json_output)


async def _probe(settings: Settings) -> None:
    """Screen a harmless text at every stage. Raises `GuardUnavailable` if a guard cannot answer."""
    from policy import GUARD_UNAVAILABLE, Stage, build_guards
    from policy.guard import PROBE
    from retrieval import load_embeddings

    guards = build_guards(settings, embeddings=load_embeddings(settings))
    for stage in Stage:
        for verdict in (await guards.screen(PROBE, stage)).verdicts:
            if verdict.category == GUARD_UNAVAILABLE:
                raise GuardUnavailable(
                    f"the guard `{verdict.policy}` cannot work: {verdict.reason}",
                    hint="`sixplane doctor` checks what is installed",
                )


def _described(settings: Settings, policy: PolicySettings) -> dict[str, Any]:
    from policy.fingerprint import policy_reference
    from settings.policy import PolicySettings

    reference = policy_reference(settings, policy)
    values, defaults = policy.model_dump(mode="json"), PolicySettings().model_dump(mode="json")
    return {
        "version": reference.version,
        "hash": reference.hash,
        "values": values,
        "changed": [name for name, value in values.items() if value != defaults[name] and name != "version"],
    }


def _tell(described: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(described)
        return
    say(f"version: {described['version'] or 'none'}")
    say(f"hash: {described['hash']}")
    rows = [
        (name, _shown(value), "changed" if name in described["changed"] else "default")
        for name, value in described["values"].items()
        if name != "version"
    ]
    print_table(("setting", "value", ""), rows)
    if candidate := described.get("candidate"):
        say(f"candidate: version {candidate['version']}, hash {candidate['hash']}")
        for name, value in candidate["values"].items():
            if value != described["values"][name] and name != "version":
                say(f"candidate: {name} = {_shown(value)}")


def _shown(value: Any) -> str:
    import json

    return json.dumps(value, ensure_ascii=False)


app.command("show")(handled(show))
app.command("check")(handled(check))
