"""What the OCI sinks cost a run: none configured, all alive, all dead. Needs the test double of `tests/`."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from benchmarks.figures import ROUNDS, Figure, show
from experience.service import ResearchRequest, open_service
from settings import Settings
from state.channels import ResearchContext
from tests.doubles.oci import LocalOCI
from tests.doubles.oci.session import local_settings

RUNS = 5
WARM_UP = 1
"""Rounds that do not count: the first runs of a process take longer."""

QUESTION = "How are on-demand models priced, and when does the monthly budget refuse a request?"
DEAD = "http://127.0.0.1:9"


def sinks(url: str) -> dict[str, str]:
    """Return the settings that send everything to `url`."""
    ids = {"log_id": "ocid1.log.oc1..x", "topic_id": "ocid1.onstopic.oc1..x", "metrics_namespace": "sixplane"}
    endpoints = dict.fromkeys(("logging_endpoint", "monitoring_endpoint", "notifications_endpoint"), url)
    return {**ids, **endpoints, "apm_endpoint": url, "apm_data_key": "key"}


async def seconds(settings: Settings) -> float:
    """Return the mean time of a run."""
    async with open_service(settings) as service:
        began = time.perf_counter()
        for _ in range(RUNS):
            await service.run(ResearchRequest(question=QUESTION, context=ResearchContext(corpus="handbook")))
        return (time.perf_counter() - began) / RUNS


async def measure(oci: LocalOCI, folder: Path) -> dict[str, list[float]]:
    """Return the milliseconds of a run in each round, beside each kind of sinks, in turn."""
    kinds: Mapping[str, dict[str, str]] = {"none": {}, "alive": sinks(oci.url), "dead": sinks(DEAD)}
    settings = {
        kind: local_settings(oci, folder / "home", limits={"preset": "none"}, oci=given)
        for kind, given in kinds.items()
    }
    async with open_service(settings["none"]) as service:
        await (await service.corpora.create("local", "handbook")).ingest("docs/sample")
    times: dict[str, list[float]] = {kind: [] for kind in kinds}
    for _ in range(WARM_UP + ROUNDS):
        for kind, each in settings.items():
            times[kind].append(await seconds(each) * 1000)
    return {kind: taken[WARM_UP:] for kind, taken in times.items()}


def figures() -> Iterator[Figure]:
    """Yield the ratios of a run with sinks, alive or dead, to one without, on a local OCI."""
    with tempfile.TemporaryDirectory() as folder, LocalOCI() as oci:
        times = asyncio.run(measure(oci, Path(folder)))
    for kind in ("alive", "dead"):
        what = f"a run with all telemetry sinks {kind} against none configured"
        yield Figure(name=f"telemetry.{kind}", what=what, unit="ms", ours=times[kind], baseline=times["none"])


if __name__ == "__main__":
    show(figures())
