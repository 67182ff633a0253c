"""What `sixplane init` writes: a settings file with the answers and no secret, everything else at its default."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

from state.errors import BadInput

_HEAD = """\
# Settings of Sixplane, read from the folder in which a command starts. What is not named here has its default:
# sixplane.example.toml lists all settings. SIXPLANE_... variables override this file, and secrets belong there.
"""
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


class Models(StrEnum):
    """Where the models are."""

    EMBEDDED = "embedded"
    OPENAI = "openai"
    OCI = "oci"


class SignIn(StrEnum):
    """How OCI's requests are signed: `oci.auth` of the settings, whose import would cost the help text a second."""

    API_KEY = "api_key"
    SECURITY_TOKEN = "security_token"  # noqa: S105 - a way to sign in, and no secret
    INSTANCE_PRINCIPAL = "instance_principal"
    RESOURCE_PRINCIPAL = "resource_principal"
    OKE_WORKLOAD_IDENTITY = "oke_workload_identity"


@dataclass(frozen=True)
class Answers:
    """The answers. Empty ones are not written."""

    models: Models
    home: str = ""
    base_url: str = ""
    model: str = ""
    sign_in: SignIn | None = None
    compartment: str = ""
    region: str = ""
    oci_profile: str = ""
    dsn: str = ""
    user: str = ""


def file_of(answers: Answers) -> str:
    """Return the settings file as TOML.

    Raises:
        BadInput: an answer is missing, cannot stand in the file, or holds a secret.
    """
    if answers.dsn and answers.models is not Models.OCI:
        raise BadInput("Oracle Database comes with OCI's models", hint="give `--models oci`, or leave out `--db`")
    parts = [_HEAD, _lines("", profile="oracle" if answers.dsn else "embedded", home=answers.home)]
    if answers.models is Models.OPENAI:
        parts += _openai(answers)
    if answers.models is Models.OCI:
        parts += _oci(answers)
    return "\n".join(parts)


def secrets_of(answers: Answers) -> dict[str, str]:
    """Return what each environment variable holds that a secret is read from."""
    if answers.models is Models.OPENAI:
        return {"SIXPLANE_OPENAI__API_KEY": "the key of the server, if it asks for one"}
    return {"SIXPLANE_ORACLE__PASSWORD": f"the password of {answers.user}"} if answers.dsn else {}


def _openai(answers: Answers) -> list[str]:
    url = urlsplit(answers.base_url)
    if url.scheme not in ("http", "https") or not url.hostname:
        raise BadInput(
            f"{answers.base_url[:80]!r} is no address of a server", hint="give one like http://127.0.0.1:8080/v1"
        )
    if url.username is not None or url.password is not None or url.query:
        raise BadInput(
            "the address holds credentials or a query, which do not belong into a file",
            hint="give it without them, and the key as SIXPLANE_OPENAI__API_KEY",
        )
    if not answers.model:
        raise BadInput("no model is named", hint="give the name by which the server knows it: `--model NAME`")
    name = answers.model.removeprefix("openai:")
    key = "# api_key is read from SIXPLANE_OPENAI__API_KEY."
    return [
        _lines("models", provider="openai", default=f"openai:{name}"),
        _lines("openai", base_url=answers.base_url.rstrip("/")) + f"{key}\n",
    ]


def _oci(answers: Answers) -> list[str]:
    parts = [
        _lines("models", provider="oci"),
        _lines(
            "oci",
            auth=(answers.sign_in or SignIn.API_KEY).value,
            profile=answers.oci_profile,
            region=answers.region,
            compartment_id=answers.compartment,
        ),
    ]
    if answers.dsn:
        if not answers.user:
            raise BadInput("no user of the database is named", hint="give `--db-user NAME`")
        if "@" in answers.dsn:
            raise BadInput(
                "the address of the database holds credentials, which do not belong into a file",
                hint="give host:port/service, `--db-user`, and the password as SIXPLANE_ORACLE__PASSWORD",
            )
        note = "# password is read from SIXPLANE_ORACLE__PASSWORD; docs/oracle.md names other ways."
        parts.append(_lines("oracle", dsn=answers.dsn, user=answers.user) + f"{note}\n")
    return parts


def _lines(table: str, **values: str) -> str:
    head = [f"[{table}]"] if table else []
    return "\n".join([*head, *(f"{name} = {_quoted(name, value)}" for name, value in values.items() if value)]) + "\n"


def _quoted(name: str, value: str) -> str:
    """Return a TOML string. JSON escapes quotes and backslashes in the same way."""
    if _CONTROL.search(value):
        raise BadInput(f"`{name}` holds a control character, or is not UTF-8", hint="type it again")
    return json.dumps(value, ensure_ascii=False)
