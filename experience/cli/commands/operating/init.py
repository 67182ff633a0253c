"""`sixplane init`: writes a settings file, after questions or from options, and checks what it says."""

from __future__ import annotations

import os
import sys
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from experience.cli.commands.operating.doctor import examined, lines_of
from experience.cli.options import Home
from experience.cli.output import note, say
from experience.cli.running import run_async
from experience.cli.settings_file import Answers, Models, SignIn, file_of, secrets_of
from state.errors import BadInput, DependencyUnavailable

if TYPE_CHECKING:
    from rich.console import Console

    from settings import Settings

Choice = TypeVar("Choice", Models, SignIn)

Where = Annotated[
    Models | None,
    typer.Option(
        "--models",
        help="Where the models are: `embedded` needs nothing else, `openai` is a server that speaks OpenAI's API, "
        "`oci` is OCI Generative AI.",
    ),
]
BaseUrl = Annotated[str, typer.Option("--base-url", metavar="URL", help="`openai`: the address of the server.")]
Model = Annotated[str, typer.Option("--model", metavar="NAME", help="`openai`: the model, as the server names it.")]
Compartment = Annotated[str, typer.Option("--compartment", metavar="OCID", help="`oci`: the compartment.")]
Region = Annotated[str, typer.Option("--region", metavar="NAME", help="`oci`: the region, if not that of the profile.")]
Profile = Annotated[str, typer.Option("--oci-profile", metavar="NAME", help="`oci`: the profile in the OCI file.")]
Auth = Annotated[
    SignIn | None, typer.Option("--oci-auth", help="`oci`: how requests are signed.", show_default="api_key")
]
Dsn = Annotated[
    str, typer.Option("--db", metavar="DSN", help="`oci`: keep everything in this Oracle Database, host:port/service.")
]
User = Annotated[str, typer.Option("--db-user", metavar="NAME", help="The user of the database.")]
Out = Annotated[Path, typer.Option("--out", help="The file to write.", dir_okay=False)]
Force = Annotated[bool, typer.Option("--force", help="Replace the file if it exists.")]
Ask = Annotated[
    bool | None,
    typer.Option("--ask/--no-ask", help="Ask what the options leave open.", show_default="on a terminal, --ask"),
]
Check = Annotated[bool, typer.Option("--check/--no-check", help="Check the settings before the file is written.")]


def init(
    models: Where = None,
    base_url: BaseUrl = "",
    model: Model = "",
    compartment: Compartment = "",
    region: Region = "",
    oci_profile: Profile = "",
    oci_auth: Auth = None,
    db: Dsn = "",
    db_user: User = "",
    out: Out = Path("sixplane.toml"),
    force: Force = False,
    ask: Ask = None,
    check: Check = True,
    home: Home = None,
) -> None:
    """Write a settings file, `sixplane.toml`, after some questions or from the options, and check it as `doctor` does.

    Secrets are not written: the file and the last lines name the environment variables that hold them. The results
    of the checks go to standard output, as those of `doctor` do; questions go to standard error.
    """
    asks = sys.stdin.isatty() if ask is None else ask
    _check_place(out, replace=force)
    if models is None and not asks:
        raise BadInput("where the models are is not said", hint="give `--models embedded`, `openai` or `oci`")
    answers = Answers(
        models=models or Models.EMBEDDED,
        home=str(home or ""),
        base_url=base_url,
        model=model,
        sign_in=oci_auth,
        compartment=compartment,
        region=region,
        oci_profile=oci_profile,
        dsn=db,
        user=db_user,
    )
    answers = _asked(answers, where=models is None) if asks else answers
    settings = _complete(answers)
    if check:
        _examine(settings, asks=asks)
    _write(out, file_of(answers), replace=force)
    note(f"written: {out}")
    for line in _next_steps(answers):
        say(line)


def _complete(answers: Answers) -> Settings:
    """Return the settings that the file and the environment make.

    Raises:
        BadInput: an answer is missing that the environment does not give either, or one cannot stand in the file.
        SettingsInvalid: a setting is not valid.
    """
    from settings.candidate import settings_with
    from settings.tree import standard_compartment

    settings = settings_with(tomllib.loads(file_of(answers)))
    if answers.models is Models.OCI and not standard_compartment(settings):
        raise BadInput(
            "no compartment is named",
            hint="give `--compartment OCID`, or set SIXPLANE_OCI__COMPARTMENT_ID: OCI charges its models to it",
        )
    return settings


def _write(out: Path, text: str, *, replace: bool) -> None:
    """Write the file, for its owner alone."""
    from experience.files import write_file

    try:
        write_file(out, text.encode(), mode=0o600, replace=replace)
    except OSError as error:
        raise _unwritable(out, error.strerror) from error


def _check_place(out: Path, *, replace: bool) -> None:
    """Check that the file can be written, as far as that is known before the questions.

    Raises:
        BadInput: there is no such folder, or the file exists and is not to be replaced.
        DependencyUnavailable: nothing may be written to it.
    """
    from experience.files import refuse_existing

    if not out.parent.is_dir():
        raise BadInput(f"there is no folder {str(out.parent)!r}", hint="create it first, or choose another `--out`")
    if not os.access(out.parent, os.W_OK):
        raise _unwritable(out, "permission denied")
    if not replace:
        refuse_existing(out)


def _unwritable(out: Path, reason: str | None) -> DependencyUnavailable:
    hint = "change the permissions of its folder, or choose another `--out`"
    return DependencyUnavailable(f"{str(out)!r} cannot be written: {reason}", hint=hint)


def _examine(settings: Settings, *, asks: bool) -> None:
    """Check `settings`, and ask whether to go on if a check failed.

    Raises:
        DependencyUnavailable: a check failed, and nobody wants to go on.
    """
    health = run_async(examined(settings))
    for line in lines_of(health):
        say(line)
    if health.ok:
        return
    if not asks or not _confirmed("Write the file all the same?"):
        raise DependencyUnavailable(
            "a check failed, and nothing was written", hint="correct what it names, or write the file with `--no-check`"
        )


def _asked(given: Answers, *, where: bool) -> Answers:
    """Ask for what the options leave open. Raises `BadInput` if the answers end."""
    answers = given
    try:
        if where:
            answers = replace(answers, models=_chosen("Where are the models?", Models, Models.EMBEDDED))
        if answers.models is Models.OPENAI:
            return replace(
                answers,
                base_url=answers.base_url or _told("Address of the server", "http://127.0.0.1:8080/v1"),
                model=answers.model or _told("Model, as the server names it"),
            )
        return _asked_for_oci(answers) if answers.models is Models.OCI else answers
    except EOFError:
        raise BadInput("the answers ended early, and nothing was written", hint="give options and `--no-ask`") from None


def _asked_for_oci(given: Answers) -> Answers:
    answers = replace(
        given,
        sign_in=given.sign_in or _chosen("How are requests signed?", SignIn, SignIn.API_KEY),
        compartment=given.compartment or _told("OCID of the compartment"),
        region=given.region or _told("Region, empty for that of the profile", ""),
    )
    if answers.sign_in in (SignIn.API_KEY, SignIn.SECURITY_TOKEN) and not answers.oci_profile:
        answers = replace(answers, oci_profile=_told("Profile in the OCI configuration file, empty for DEFAULT", ""))
    if not answers.dsn:
        answers = replace(answers, dsn=_told("Oracle Database as host:port/service, empty for files of your own", ""))
    if answers.dsn and not answers.user:
        answers = replace(answers, user=_told("User of the database"))
    return answers


def _next_steps(answers: Answers) -> list[str]:
    lines = [f"set {variable}: {what}" for variable, what in secrets_of(answers).items()]
    if answers.dsn:
        lines.append("deploy the schema: `sixplane db grants` for an administrator, then `sixplane db init`")
    return [*lines, "next: `sixplane ingest PATH --corpus NAME`, then `sixplane research QUESTION --corpus NAME`"]


def _chosen(question: str, kind: type[Choice], default: Choice) -> Choice:
    from rich.prompt import Prompt

    choices = [each.value for each in kind]
    return kind(Prompt.ask(question, choices=choices, default=default.value, console=_console()))


def _told(question: str, default: str | None = None) -> str:
    from rich.prompt import Prompt

    while True:
        answer = Prompt.ask(question, console=_console(), default=default or "", show_default=bool(default)).strip()
        if answer or default is not None:  # without a default, an answer is needed
            return answer


def _confirmed(question: str) -> bool:
    from rich.prompt import Confirm

    try:
        return Confirm.ask(question, default=False, console=_console())
    except EOFError:
        return False


def _console() -> Console:
    """Return a console on standard error: results alone go to standard output."""
    from rich.console import Console

    return Console(stderr=True)
