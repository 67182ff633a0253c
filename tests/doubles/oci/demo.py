"""`make demo-oci`: one question in three ways against a local OCI with throw-away keys, and what reached it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import httpx
import requests
from oci.signer import Signer

from tests.doubles.oci.__main__ import write_keys
from tests.doubles.oci.server import COMPARTMENT, LocalOCI

QUESTION = "How are on-demand models priced, and when does the monthly budget refuse a request?"
MODEL = "openai.gpt-oss-120b"
WAYS = {
    "OCI's own API": ({"SIXPLANE_MODELS__DEFAULT": MODEL}, "chat"),
    "chat completions": (
        {"SIXPLANE_MODELS__DEFAULT": f"oci-openai:{MODEL}", "SIXPLANE_OCI__OPENAI__SURFACE": "chat"},
        "completions",
    ),
    "Responses": (
        {"SIXPLANE_MODELS__DEFAULT": f"oci-openai:{MODEL}", "SIXPLANE_OCI__OPENAI__SURFACE": "responses"},
        "responses",
    ),
}
"""For each way to the same model: its settings, and the operation that the local OCI counts."""

_IDS = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\bt-[0-9a-f]{12}\b|\b[0-9a-f]{32}\b")
"""Of runs, threads and traces."""
_VARIES = frozenset({"usage", "usage_by_role", "timings_ms"})
"""What a way changes in a report: what is sent beside a prompt, and the time that it takes."""


def main() -> int:
    """Return 0 where each way answers the same, every request was signed, and a changed one is refused."""
    with tempfile.TemporaryDirectory() as folder:
        keys = Path(folder) / "keys"
        with LocalOCI(key=write_keys(keys)) as oci:
            reports, served = {}, {}
            for way, (given, operation) in WAYS.items():
                reports[way] = _report(oci, keys / "config", Path(folder) / "home", given)
                served[way] = len(oci.of(operation))
            counts = httpx.get(f"{oci.url}/_double/calls").json()
            intact, changed = (_changed_status(oci, flip=flip) for flip in (0, 1))
    first, *others = (bare(report) for report in reports.values())
    alike = all(other == first for other in others)
    answered = {way: str(report.get("status")) for way, report in reports.items()}
    print(f"{next(iter(reports.values())).get('markdown', '')}\n")
    for way, calls in served.items():
        print(f"{way}: {answered[way]}, {calls} signed calls of the model")
    print(f"the three reports are {'the same but for ids' if alike else 'NOT the same'}")
    print(f"the local OCI served {counts['verified']} signed requests: {counts['by_path']}")
    print(f"requests whose signature did not fit: {counts['rejected']}")
    print(f"a request whose signature fits is answered {intact}; with one byte of its body changed: {changed}")
    sound = alike and all(served.values()) and set(answered.values()) <= {"answered", "partial"}
    return int(not sound or counts["rejected"] != 0 or (intact, changed) != (200, 401))


def bare(report: dict[str, Any]) -> str:
    """Return a report without what varies between two runs of one question: ids, times and usage."""
    kept = {name: value for name, value in report.items() if name not in _VARIES}
    return _IDS.sub("ID", json.dumps(kept, sort_keys=True, ensure_ascii=False)).replace("oci-openai:", "")


def _report(oci: LocalOCI, config: Path, home: Path, given: dict[str, str]) -> dict[str, Any]:
    common = {
        "SIXPLANE_MODELS__PROVIDER": "oci",
        "SIXPLANE_OCI__CONFIG_FILE": str(config),
        "SIXPLANE_OCI__ENDPOINT": oci.url,
        "SIXPLANE_OCI__COMPARTMENT_ID": COMPARTMENT,
        "SIXPLANE_HOME": str(home),
    }
    sixplane = str(Path(sys.executable).with_name("sixplane"))
    command = [sixplane, "research", QUESTION, "--docs", "docs/sample", "--json"]
    done = subprocess.run(
        command, env={**os.environ, **common, **given}, check=False, stdout=subprocess.PIPE, text=True
    )
    found: dict[str, Any] = json.loads(done.stdout) if done.stdout.startswith("{") else {}
    return found


def _changed_status(oci: LocalOCI, *, flip: int) -> int:
    config = oci.config
    signer = Signer(
        config["tenancy"], config["user"], config["fingerprint"], None, private_key_content=config["key_content"]
    )
    body = {
        "compartmentId": COMPARTMENT,
        "input": {"type": "TEXT", "content": "Is this request intact?"},
        "guardrailConfigs": {"promptInjectionConfig": {}},
    }
    signed = signer(requests.Request("POST", f"{oci.url}/20231130/actions/applyGuardrails", json=body).prepare())
    content = bytearray(signed.body)
    content[-10] ^= flip
    return httpx.post(str(signed.url), content=bytes(content), headers=dict(signed.headers)).status_code


if __name__ == "__main__":
    sys.exit(main())
