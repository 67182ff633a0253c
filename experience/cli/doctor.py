"""`sixplane doctor`: is everything there that a run stands on?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from experience.cli.errors import Exit
from experience.cli.options import Home, Json
from experience.cli.output import print_json, say
from experience.cli.running import run_async, settings_of

if TYPE_CHECKING:
    from experience.models import HealthStatus


def doctor(json_output: Json = False, home: Home = None) -> None:
    """Check Python, the home folder, the embedding model, the corpora and the model endpoint."""
    health = run_async(_health(home))
    if json_output:
        print_json(health.model_dump(mode="json"))
    else:
        for check in health.checks:
            say(f"{'ok  ' if check.ok else 'FAIL'} {check.name}: {check.detail}")
            if not check.ok and check.hint:
                say(f"     hint: {check.hint}")
    if not health.ok:
        raise typer.Exit(Exit.UNAVAILABLE)


async def _health(home: Path | None) -> HealthStatus:
    from experience.endpoint import check_endpoint
    from experience.health import check_health
    from experience.models import HealthStatus
    from retrieval import Corpora

    settings = settings_of(home)
    async with Corpora(settings) as corpora:
        health = await check_health(settings, corpora)
    endpoint = await check_endpoint(settings)
    return HealthStatus(ok=health.ok and endpoint.ok, checks=(*health.checks, endpoint))
