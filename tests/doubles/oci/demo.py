"""`make demo-oci`: a whole run against a local OCI with throw-away keys, and a look at what reached it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import httpx
import requests
from oci.signer import Signer

from tests.doubles.oci.__main__ import write_keys
from tests.doubles.oci.server import COMPARTMENT, LocalOCI

QUESTION = "How are on-demand models priced, and when does the monthly budget refuse a request?"


def main() -> int:
    """Return 0 where the run is answered, every request was signed, and a changed one is refused."""
    with tempfile.TemporaryDirectory() as folder:
        keys = Path(folder) / "keys"
        with LocalOCI(key=write_keys(keys)) as oci:
            ended = _research(oci, keys / "config", Path(folder) / "home")
            counts = httpx.get(f"{oci.url}/_double/calls").json()
            intact, changed = (_changed_status(oci, flip=flip) for flip in (0, 1))
    print(f"\nthe local OCI served {counts['verified']} signed requests: {counts['by_path']}")
    print(f"requests whose signature did not fit: {counts['rejected']}")
    print(f"a request whose signature fits is answered {intact}; with one byte of its body changed: {changed}")
    return int(ended != 0 or counts["rejected"] != 0 or (intact, changed) != (200, 401))


def _research(oci: LocalOCI, config: Path, home: Path) -> int:
    given = {
        "SIXPLANE_MODELS__PROVIDER": "oci",
        "SIXPLANE_OCI__CONFIG_FILE": str(config),
        "SIXPLANE_OCI__ENDPOINT": oci.url,
        "SIXPLANE_OCI__COMPARTMENT_ID": COMPARTMENT,
        "SIXPLANE_HOME": str(home),
    }
    sixplane = str(Path(sys.executable).with_name("sixplane"))
    command = [sixplane, "research", QUESTION, "--docs", "docs/sample"]
    return subprocess.run(command, env={**os.environ, **given}, check=False).returncode


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
