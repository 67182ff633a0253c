"""What the OCI sinks cost a run: none configured, all alive, all dead. Needs the test double of `tests/`."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from experience.service import ResearchRequest, open_service
from settings import Settings
from state.channels import ResearchContext
from tests.doubles.oci import LocalOCI
from tests.doubles.oci.session import local_settings

ROUNDS, RUNS = 5, 5
QUESTION = "How are on-demand models priced, and when does the monthly budget refuse a request?"
DEAD = "http://127.0.0.1:9"


def sinks(url: str) -> dict[str, str]:
    """Return the settings that send everything to `url`."""
    ids = {"log_id": "ocid1.log.oc1..x", "topic_id": "ocid1.onstopic.oc1..x", "metrics_namespace": "sixplane"}
    endpoints = dict.fromkeys(("logging_endpoint", "monitoring_endpoint", "notifications_endpoint"), url)
    return {**ids, **endpoints, "apm_endpoint": url, "apm_data_key": "key"}


async def seconds(settings: Settings) -> tuple[float, float]:
    """Return the time of the runs, and of what opening and closing take beside them."""
    began = time.perf_counter()
    async with open_service(settings) as service:
        opened = time.perf_counter()
        for _ in range(RUNS):
            await service.run(ResearchRequest(question=QUESTION, context=ResearchContext(corpus="handbook")))
        ran = time.perf_counter() - opened
    return ran, time.perf_counter() - began - ran


async def measure(oci: LocalOCI, folder: Path) -> None:
    """Print the times of runs beside each kind of sinks, in turn."""
    kinds: Mapping[str, dict[str, str]] = {"none": {}, "alive": sinks(oci.url), "dead": sinks(DEAD)}
    settings = {
        kind: local_settings(oci, folder / "home", limits={"preset": "none"}, oci=given)
        for kind, given in kinds.items()
    }
    async with open_service(settings["none"]) as service:
        await (await service.corpora.create("local", "handbook")).ingest("docs/sample")
    times: dict[str, list[tuple[float, float]]] = {kind: [] for kind in kinds}
    for _ in range(ROUNDS):
        for kind, each in settings.items():
            times[kind].append(await seconds(each))
    bare = statistics.median(run for run, _ in times["none"])
    for kind, found in times.items():
        run, around = (statistics.median(column) for column in zip(*found, strict=True))
        print(f"sinks {kind}: {run / RUNS * 1000:.0f} ms a run, ratio {run / bare:.3f}; open and close {around:.2f} s")


def main() -> None:
    """Measure on a local OCI."""
    with tempfile.TemporaryDirectory() as folder, LocalOCI() as oci:
        asyncio.run(measure(oci, Path(folder)))


if __name__ == "__main__":
    main()
