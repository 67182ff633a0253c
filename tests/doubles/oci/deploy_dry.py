"""`make deploy-dry`: the commands of `sixplane deploy`, one after the other, against a local OCI."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.doubles.oci.__main__ import write_keys
from tests.doubles.oci.hosting import Hosting
from tests.doubles.oci.server import COMPARTMENT, LocalOCI

STACK = """
[deploy.baseline]
image = "phx.ocir.io/mynamespace/sixplane:0.1.0"
replica_hour_micro_usd = 100000
replica_price_source = "an example, not a price of Oracle's"

[deploy.baseline.identity_domain]
url = "https://idcs-example.identity.oraclecloud.com"
scope = "invoke"
audience = "sixplane"

[deploy.baseline.scaling]
max_replicas = 2

[deploy.baseline.environment]
SIXPLANE_MODELS__PROVIDER = "oci"
SIXPLANE_ORACLE__DSN = "db.example.com:1521/FREEPDB1"
SIXPLANE_ORACLE__USER = "sixplane"

[deploy.baseline.secrets]
SIXPLANE_ORACLE__PASSWORD = "ocid1.vaultsecret.oc1.phx.example"

[deploy.baseline.storage.cache]
type = "CACHE"
variable = "CACHE_CONNECTION"
"""
_WHERE = ("--stack", "baseline", "--region", "us-phoenix-1")
COMMANDS: tuple[tuple[str, ...], ...] = (
    ("plan", *_WHERE),
    ("apply", *_WHERE),
    ("status", *_WHERE),
    ("apply", *_WHERE),
    ("plan", *_WHERE, "--image", "phx.ocir.io/mynamespace/sixplane:0.2.0", "--max-replicas", "4"),
    ("apply", *_WHERE, "--image", "phx.ocir.io/mynamespace/sixplane:0.2.0", "--max-replicas", "4"),
    ("destroy", *_WHERE, "--yes"),
    ("status", *_WHERE),
)


def main() -> int:
    """Return 0 where every command did what it says, the second `apply` changed nothing, and nothing is left."""
    hosting = Hosting(frozenset({COMPARTMENT}), looks=1)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "sixplane.toml").write_text(STACK, encoding="utf-8")
        with LocalOCI(lambda _: "", embed="hash", key=write_keys(home / "keys"), hosting=hosting) as oci:
            statuses, changes = [], []
            for command in COMMANDS:
                print(f"$ sixplane deploy {' '.join(command)}", flush=True)
                before = _changes(oci)
                statuses.append(_run(oci, home, command))
                changes.append(_changes(oci) - before)
                print(flush=True)
            rejected = sum(oci.rejected.values())
    left = sum(len(hosting.alive(name)) for name in hosting.resources)
    print("This ran against a local double of OCI, not on OCI.")
    print(f"requests that changed something, by command: {changes}; the second apply: {changes[3]}")
    print(f"requests whose signature did not fit: {rejected}; resources left: {left}")
    return int(any(statuses) or changes[3] != 0 or rejected != 0 or left != 0)


def environment_of(oci: LocalOCI, folder: Path) -> dict[str, str]:
    """Return the variables with which `sixplane` uses a local OCI whose keys lie in `folder`."""
    return {
        "SIXPLANE_OCI__CONFIG_FILE": str(folder / "keys" / "config"),
        "SIXPLANE_OCI__COMPARTMENT_ID": COMPARTMENT,
        "SIXPLANE_OCI__ENDPOINT": oci.url,
        "SIXPLANE_OCI__MANAGEMENT_ENDPOINT": oci.url,
        "SIXPLANE_HOME": str(folder / "home"),
    }


def _run(oci: LocalOCI, home: Path, command: tuple[str, ...]) -> int:
    sixplane = str(Path(sys.executable).with_name("sixplane"))
    given = {**os.environ, **environment_of(oci, home)}
    return subprocess.run(
        [sixplane, "deploy", *command], cwd=home, env=given, check=False, stderr=subprocess.STDOUT
    ).returncode


def _changes(oci: LocalOCI) -> int:
    return sum(call.method not in ("", "GET") and call.status < 300 for call in oci.calls)


if __name__ == "__main__":
    sys.exit(main())
