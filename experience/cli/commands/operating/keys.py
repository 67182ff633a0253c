"""`sixplane keys`: creates, lists, rotates and revokes API keys for the HTTP API and the MCP server."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from experience.cli.auditing import event_of, recorded
from experience.cli.errors import handled
from experience.cli.options import Home, Json, Tenant
from experience.cli.output import note, print_json, print_table, say
from experience.cli.running import run_async, settings_of
from state.errors import BadInput

if TYPE_CHECKING:
    from policy.identity import ApiKey, ApiKeys
    from settings import Settings

app = typer.Typer(help="Create, list, rotate and revoke API keys.", no_args_is_help=True)

Result = TypeVar("Result")

_LIFETIME = re.compile(r"([1-9][0-9]{0,4})([hd])")
_KEY_ID = re.compile(r"[0-9a-f]{12}")
_HOURS = {"h": 1, "d": 24}

Name = Annotated[str, typer.Option("--principal", help="The principal that the key identifies; it owns its threads.")]
Roles = Annotated[
    list[str], typer.Option("--role", help="`ask`, `ingest`, `delete`, `cost` or `admin`; may be repeated.")
]
Audiences = Annotated[
    list[str] | None, typer.Option("--audience", help="An audience whose documents the key may see; may be repeated.")
]
Expires = Annotated[
    str,
    typer.Option(
        "--expires", help="Lifetime in days or hours, for example 90d or 12h; without it the key does not expire."
    ),
]
Overlap = Annotated[
    str, typer.Option("--overlap", help="How long the old key stays valid, in days or hours, for example 7d or 12h.")
]
NewExpires = Annotated[
    str, typer.Option("--expires", help="Lifetime of the new key; without it, as long as the old one was to live.")
]
KeyId = Annotated[str, typer.Argument(metavar="KEY_ID", help="The key's id; `sixplane keys list` shows it.")]


def create(
    principal: Name,
    role: Roles,
    audience: Audiences = None,
    expires: Expires = "",
    tenant: Tenant = "local",
    json_output: Json = False,
    home: Home = None,
) -> None:
    """Create a key. It is shown only once, because only its hash is stored."""
    from policy.identity import Permission

    unknown = [name for name in role if name not in set(Permission)]
    if unknown:
        raise BadInput(f"there is no role {unknown[0]!r}", hint=f"choose from {', '.join(Permission)}")
    roles, lifetime = [Permission(name) for name in role], lifetime_of(expires)

    async def work(keys: ApiKeys) -> tuple[ApiKey, str]:
        return await keys.create(tenant, principal, roles, audiences=audience or (), lifetime=lifetime)

    key, text = run_async(_changed(settings_of(home), ("create", tenant, f"principal:{principal}"), work))
    _show(key, text, json_output)


def rotate(
    key_id: KeyId, overlap: Overlap = "24h", expires: NewExpires = "", json_output: Json = False, home: Home = None
) -> None:
    """Create a successor of a key with the same rights. The old key stays valid until the overlap ends."""
    _check_id(key_id)
    given, lifetime = lifetime_of(overlap) or timedelta(0), lifetime_of(expires)

    async def work(keys: ApiKeys) -> tuple[ApiKey, str]:
        return await keys.rotate(key_id, overlap=given, lifetime=lifetime)

    _show(*run_async(_changed(settings_of(home), ("rotate", "", f"key:{key_id}"), work)), json_output)


def _show(key: ApiKey, text: str, json_output: bool) -> None:
    if json_output:
        print_json({**key.model_dump(mode="json"), "key": text})
        return
    say(text)  # alone on standard output, so that a script can capture it
    note(f"key {key.key_id} of {key.principal}: send it as `Authorization: Bearer …`; it will not be shown again")


def list_keys(json_output: Json = False, home: Home = None) -> None:
    """List the keys, without their secrets."""
    keys = run_async(_with_keys(settings_of(home), lambda keys: keys.list()))
    if json_output:
        print_json([key.model_dump(mode="json") for key in keys])
        return
    print_table(
        ("key", "tenant", "principal", "roles", "audiences", "expires", "revoked"),
        [
            (
                key.key_id,
                key.tenant,
                key.principal,
                " ".join(key.roles),
                " ".join(key.audiences),
                key.expires_at or "never",
                key.revoked_at or "",
            )
            for key in keys
        ],
    )


def revoke(key_id: KeyId, home: Home = None) -> None:
    """Revoke a key."""
    _check_id(key_id)
    run_async(_changed(settings_of(home), ("revoke", "", f"key:{key_id}"), lambda keys: keys.revoke(key_id)))
    say(f"revoked: {key_id}")


def _check_id(key_id: str) -> None:
    """Raise `BadInput` for what is no id, without repeating it: it may be a whole key, and the trail keeps names."""
    if not _KEY_ID.fullmatch(key_id):
        raise BadInput(
            "that is not the id of a key",
            hint="give the 12 hexadecimal digits that `sixplane keys list` shows; in a key they follow `sp_`",
        )


def lifetime_of(text: str) -> timedelta | None:
    """Return a lifetime such as `90d` or `12h`, or `None` for an empty text. Raises `BadInput` for anything else."""
    if not text:
        return None
    match = _LIFETIME.fullmatch(text)
    if match is None:
        raise BadInput(f"{text!r} is not a lifetime", hint="give days or hours, for example 90d or 12h")
    return timedelta(hours=int(match[1]) * _HOURS[match[2]])


async def _changed(
    settings: Settings, what: tuple[str, str, str], work: Callable[[ApiKeys], Awaitable[Result]]
) -> Result:
    """Change keys, and record it in the audit trail. `what` is the operation, the tenant and the object."""
    operation, tenant, changed = what
    async with recorded(settings, event_of("key", operation, tenant, changed)) as noted:
        result = await _with_keys(settings, work)
        if isinstance(result, tuple):  # the new key and its text
            noted.ids = (result[0].key_id,)
        return result


async def _with_keys(settings: Settings, work: Callable[[ApiKeys], Awaitable[Result]]) -> Result:
    from policy.identity import ApiKeys

    keys = ApiKeys(settings)
    try:
        return await work(keys)
    finally:
        await keys.aclose()


app.command("create")(handled(create))
app.command("list")(handled(list_keys))
app.command("rotate")(handled(rotate))
app.command("revoke")(handled(revoke))
