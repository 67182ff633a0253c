"""`sixplane doctor`: checks everything that a run depends on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from experience.cli.options import Home, Json
from experience.cli.output import print_json, say
from experience.cli.running import run_async, settings_of
from experience.exits import Exit
from state.errors import DependencyUnavailable, SettingsInvalid

if TYPE_CHECKING:
    from experience.doctor.values import HealthCheck, HealthStatus
    from settings import Settings


Live = Annotated[
    bool,
    typer.Option(
        "--live", help="Also call OCI's models (billed) and write a test entry to each OCI telemetry service."
    ),
]


Deep = Annotated[
    bool,
    typer.Option("--deep", help="Also compare approximate with exact vector search on your own passages (Oracle)."),
]


def doctor(live: Live = False, deep: Deep = False, json_output: Json = False, home: Home = None) -> None:
    """Check Python, home folder, encoder, corpora and model endpoint, and OCI and Oracle Database if they are used."""
    health = run_async(examined(settings_of(home), live=live, deep=deep))
    if json_output:
        print_json(health.model_dump(mode="json"))
    else:
        for line in lines_of(health):
            say(line)
    if not health.ok:
        raise typer.Exit(Exit.UNAVAILABLE)


def lines_of(health: HealthStatus) -> list[str]:
    """Return the result of each check as a line, with a hint where one failed."""
    return [
        line
        for check in health.checks
        for line in (
            f"{'ok  ' if check.ok else 'FAIL'} {check.name}: {check.detail}",
            *([f"     hint: {check.hint}"] if not check.ok and check.hint else []),
        )
    ]


async def examined(settings: Settings, *, live: bool = False, deep: bool = False) -> HealthStatus:
    """Run every check of what `settings` use."""
    from experience.doctor.endpoint import check_endpoint
    from experience.doctor.health import check_health
    from experience.doctor.values import status_of
    from retrieval import Corpora

    try:
        async with Corpora(settings) as corpora:
            health = await check_health(settings, corpora)
    except (DependencyUnavailable, SettingsInvalid):  # the checks of Oracle Database report the reason
        health = await check_health(settings, None)
    checks = (
        *health.checks,
        *await check_endpoint(settings),
        *await _oci(settings, live=live),
        *await _oracle(settings, deep=deep),
    )
    return status_of(checks)


async def _oracle(settings: Settings, *, deep: bool) -> tuple[HealthCheck, ...]:
    if settings.data.backend != "oracle" and not settings.oracle.dsn:
        return ()
    from experience.doctor.oracle import check_oracle

    return await check_oracle(settings, deep=deep)


async def _oci(settings: Settings, *, live: bool) -> tuple[HealthCheck, ...]:
    from settings.tree import asks_oci_openai, uses_oci

    if not (uses_oci(settings) or asks_oci_openai(settings) or settings.oci.apm_endpoint):
        return ()  # the checks of OCI import its SDK, which is slow
    from experience.doctor.oci import check_oci

    return await check_oci(settings, live=live)
