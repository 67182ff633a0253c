"""Whenever a process is killed, the next one ends with one application and one deployment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from tests.doubles.oci import Call, LocalOCI
from tests.doubles.oci.__main__ import write_keys
from tests.doubles.oci.deploy_dry import STACK, environment_of
from tests.experience.deploy.rig import CHANGING, Fuse, Killed, Rig

NEW = {"image": "phx.ocir.io/namespace/sixplane:0.2.0", "scaling": {"max_replicas": 2}}


def until_done(rig: Rig, fuse: Fuse, act: Callable[..., object], **changes: object) -> int:
    """Run a command again and again, until one is not killed; return how many were."""
    for killed in range(100):
        stack = rig.open(**changes)
        fuse.into(stack)
        try:
            act(stack)
        except Killed:
            continue
        return killed
    raise AssertionError("it never came to an end")


def whole_life(rig: Rig, fuse: Fuse) -> int:
    """Make, change and destroy a stack; return how often the process was killed."""
    killed = until_done(rig, fuse, rig.apply)
    assert rig.alive() == (1, 1, 0)
    killed += until_done(rig, fuse, rig.apply, **NEW)
    assert rig.alive() == (1, 1, 0)
    (application,) = rig.oci.hosting.alive("hostedApplicationsIam")
    (deployment,) = rig.oci.hosting.alive("hostedDeployments")
    assert (application["scalingConfig"]["maxReplica"], deployment["activeArtifact"]["tag"]) == (2, "0.2.0")
    assert len(deployment["artifacts"]) == 2
    killed += until_done(rig, fuse, rig.destroy, **NEW)
    assert rig.alive() == (0, 0, 0)
    return killed


def test_killed_before_and_after_every_request_that_changes_something(rig: Rig) -> None:
    seen: Counter[tuple[str, str]] = Counter()

    def burns(_: int, request: requests.PreparedRequest, when: str) -> bool:
        if request.method not in CHANGING:
            return False
        seen[str(request.path_url), str(request.method)] += 1
        times = seen[str(request.path_url), str(request.method)]
        return times == (1 if when == "before" else 3)  # the first time before, the second time after it was served

    assert whole_life(rig, Fuse(burns)) >= 10


@pytest.mark.long
@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_at_every_call(when: str) -> None:
    at = 0
    while True:
        with LocalOCI(lambda _: "", embed="hash") as oci:
            fuse = Fuse(lambda number, _, moment, at=at: (number, moment) == (at, when))  # type: ignore[misc]
            killed = whole_life(Rig(oci), fuse)
            assert not oci.rejected
        if not killed:
            break
        at += 1
    assert at > 60


class Killer:
    """Kills the process that calls a local OCI, at one of its calls."""

    def __init__(self, oci: LocalOCI, at: int, when: str) -> None:
        self._oci, self._at, self._when = oci, at, when
        self._seen, self._pid = 0, 0
        oci.hosting.on_call = self._called

    def run(self, folder: Path, command: str) -> int:
        """Run a command of `sixplane deploy` in `folder`; return its exit status."""
        sixplane = Path(sys.executable).with_name("sixplane")
        given = {**os.environ, **environment_of(self._oci, folder)}
        with subprocess.Popen([sixplane, "deploy", *command.split()], cwd=folder, env=given) as process:
            self._pid, self._seen = process.pid, 0
            return process.wait()

    def _called(self, _: Call, moment: str) -> None:
        if moment == self._when:
            self._seen += 1
            if self._seen == self._at:
                os.kill(self._pid, signal.SIGKILL)


@pytest.mark.long
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("command", ["apply", "apply --image phx.ocir.io/mynamespace/sixplane:0.2.0", "destroy --yes"])
def test_a_process_that_is_killed_at_every_fifth_call_is_taken_up_by_the_next(
    command: str, when: str, tmp_path: Path
) -> None:
    (tmp_path / "sixplane.toml").write_text(STACK, encoding="utf-8")
    at, killed, left = 1, 0, 0 if command.startswith("destroy") else 1
    while True:
        with LocalOCI(lambda _: "", embed="hash", key=write_keys(tmp_path / "keys")) as oci:
            if command != "apply":
                assert Killer(oci, 0, when).run(tmp_path, "apply") == 0
            status = Killer(oci, at, when).run(tmp_path, command)
            assert status in (0, -signal.SIGKILL)
            assert Killer(oci, 0, when).run(tmp_path, command) == 0
            counted = [len(oci.hosting.alive(name)) for name in ("hostedApplications", "hostedDeployments")]
            assert counted == [left, left], f"killed {when} call {at}"
            assert not oci.rejected
        if status == 0:
            break
        killed, at = killed + 1, at + 5
    assert killed >= 3
