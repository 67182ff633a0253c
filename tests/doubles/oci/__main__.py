"""`python -m tests.doubles.oci --port N`: a local OCI with throw-away keys, for demonstrations and trials."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from cryptography.hazmat.primitives.serialization import load_pem_private_key

from retrieval import load_embeddings
from settings import load_settings
from tests.doubles.oci import Fault, LocalOCI, extractive_answers, forwarded_answers
from tests.doubles.oci.server import TENANCY, USER
from tests.doubles.oci.signature import fingerprint_of, pem_of, throw_away_key


def main() -> None:
    """Serve until interrupted."""
    options = _options()
    embeddings = load_embeddings(load_settings(models={"provider": "extractive"}))
    answer = forwarded_answers(options.forward_to) if options.forward_to else extractive_answers(embeddings)
    oci = LocalOCI(
        answer, embed=embeddings.embed_documents, key=_key(options.keys), port=options.port, seed=options.seed
    )
    share = options.fault_rate / 3
    if share:
        throttled = Fault("status", probability=share, status=429)
        broken = Fault("status", probability=share, status=503)
        oci.faults.add(throttled, broken, Fault("drop_midstream", "chat", probability=share))
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


def _key(folder: Path | None) -> object:
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
    config.write_text("\n".join([*lines, "region=us-chicago-1", f"key_file={pem.absolute()}", ""]), encoding="utf-8")
    config.chmod(0o600)
    return key


if __name__ == "__main__":
    main()
