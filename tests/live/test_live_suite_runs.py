"""The live suite itself runs: against the local double, in a process of its own, as a user would start it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.doubles import processes
from tests.doubles.oci import ChatCall, Fault, LocalOCI, extractive_answers
from tests.doubles.oci.__main__ import write_keys
from tests.doubles.oci.server import COMPARTMENT

ROOT = Path(__file__).resolve().parents[2]
SUITE = ("-p", "no:cacheprovider", "-rs")
OCI, DATABASE = "tests/live/test_live_oci.py", "tests/live/test_live_oracle.py"
CITY = {"name": "Paris", "country": "France"}


def started(*arguments: str, **environment: str) -> processes.Ended:
    bare = {name: value for name, value in os.environ.items() if not name.startswith(("OCI_", "SIXPLANE_", "PYTEST_"))}
    return processes.run("pytest", *SUITE, *arguments, env=bare | environment, cwd=ROOT)


@pytest.mark.slow
@pytest.mark.long
def test_the_live_suite_passes_against_the_local_oci_and_every_request_is_signed(tmp_path: Path) -> None:
    roles = extractive_answers()

    def answer(call: ChatCall):
        if "capital of France" in call.messages[-1][1]:
            return json.dumps(CITY) if call.schema else "Paris."
        return roles(call)

    key = write_keys(tmp_path / "keys")
    with LocalOCI(answer, embed="hash", key=key, data_key="local") as oci:  # type: ignore[arg-type]
        versions = {"items": [{"guardrailVersion": "1.0.1"}]}
        oci.faults.add(Fault("status", "guardrailVersions", times=9, status=200, body=versions))
        sinks = ("LOGGING", "MONITORING", "NOTIFICATIONS", "APM")
        done = started(
            OCI,
            "-m",
            "live",
            OCI_COMPARTMENT_ID=COMPARTMENT,
            SIXPLANE_OCI__CONFIG_FILE=str(tmp_path / "keys" / "config"),
            SIXPLANE_OCI__ENDPOINT=oci.url,
            SIXPLANE_OCI__LOG_ID="ocid1.log.oc1..x",
            SIXPLANE_OCI__METRICS_NAMESPACE="sixplane",
            SIXPLANE_OCI__TOPIC_ID="ocid1.onstopic.oc1..x",
            SIXPLANE_OCI__APM_DATA_KEY="local",
            **{f"SIXPLANE_OCI__{name}_ENDPOINT": oci.url for name in sinks},
        )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "SKIPPED" not in done.stdout
    assert not oci.rejected
    paths = {call.path for call in oci.calls}
    assert {"chat", "embedText", "applyGuardrails", "put_logs", "publish_message", "traces"} <= paths


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((OCI,), "it is billed"),
        pytest.param((OCI, "-m", "live"), "OCI_COMPARTMENT_ID is not set", marks=pytest.mark.long),
        pytest.param((DATABASE, "-m", "oracle"), "SIXPLANE_ORACLE__DSN is not set", marks=pytest.mark.long),
    ],
)
def test_without_being_asked_for_or_without_a_tenancy_it_is_skipped_with_the_reason(
    arguments: tuple[str, ...], reason: str
) -> None:
    done = started(*arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    assert reason in done.stdout
    assert "passed" not in done.stdout
