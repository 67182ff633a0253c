"""`python -m tests.doubles.oci --port N`: a local OCI with throw-away keys, for demonstrations and trials."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tests.doubles.oci.faults import mixed_faults
from tests.doubles.oci.server import REGION, TENANCY, USER, LocalOCI
from tests.doubles.oci.signature import fingerprint_of, pem_of, throw_away_key


def main() -> None:
    """Serve until interrupted."""
    options = _options()
    oci = LocalOCI(forward_to=options.forward_to, key=write_keys(options.keys), port=options.port, seed=options.seed)
    if options.fault_rate:
        oci.faults.add(*mixed_faults(options.fault_rate))
    with oci:
        print(f"a local OCI listens on {oci.url}", flush=True)  # noqa: T201
        try:
            while True:
                time.sleep(3_600)
        except KeyboardInterrupt:
            return


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.doubles.oci", description=__doc__)
    parser.add_argument("--port", type=int, default=8321)
    parser.add_argument("--keys", type=Path, default=None, help="folder for `key.pem` and an OCI `config`")
    parser.add_argument("--forward-to", default="", help="base URL of an OpenAI-compatible server that answers")
    parser.add_argument("--fault-rate", type=float, default=0.0, help="share of calls that fail: 429, 503 and drops")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def write_keys(folder: Path | None) -> object:
    """Return the key of `folder`; write one, and an OCI configuration beside it, where there is none."""
    if folder is None:
        return throw_away_key()
    folder.mkdir(parents=True, exist_ok=True)
    pem = folder / "key.pem"
    if pem.is_file():
        return load_pem_private_key(pem.read_bytes(), None)
    key = throw_away_key()
    pem.write_text(pem_of(key), encoding="utf-8")
    pem.chmod(0o600)
    config = folder / "config"
    lines = ["[DEFAULT]", f"tenancy={TENANCY}", f"user={USER}", f"fingerprint={fingerprint_of(key)}"]
    config.write_text("\n".join([*lines, f"region={REGION}", f"key_file={pem.absolute()}", ""]), encoding="utf-8")
    config.chmod(0o600)
    return key


if __name__ == "__main__":
    main()
