"""Sessions and settings for a local OCI."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

from oci.signer import Signer

from gateway.oci.chat import OCIChatModel
from settings import Settings, load_settings
from settings.connections.oci_inference import InferenceClients
from settings.connections.oci_session import OCISession
from tests.doubles.oci.server import COMPARTMENT, LocalOCI

_names = itertools.count()


def local_session(oci: LocalOCI, *, endpoint: str = "", timeout: tuple[float, float] = (2.0, 5.0)) -> OCISession:
    """Return a session whose requests the local OCI accepts."""
    config = oci.config
    signer = Signer(
        config["tenancy"], config["user"], config["fingerprint"], None, private_key_content=config["key_content"]
    )
    return OCISession(
        config=config,
        signer=signer,
        region=config["region"],
        compartment_id=COMPARTMENT,
        timeout=timeout,
        inference_endpoint=endpoint or oci.url,
    )


def local_clients(oci: LocalOCI, **options: Any) -> InferenceClients:
    """Return clients of such a session, with a circuit breaker of their own: breakers outlive a test."""
    return InferenceClients(local_session(oci, **options), name=f"test-{next(_names)}")


def local_model(oci: LocalOCI, model: str, *, clients: InferenceClients | None = None, **options: Any) -> OCIChatModel:
    """Return a chat model that nothing governs."""
    given = clients or local_clients(oci)
    session = given.session
    return OCIChatModel(
        client=given,
        model_id=model,
        service_endpoint=session.inference_endpoint,
        compartment_id=session.compartment_id,
        **options,
    )


def local_settings(server: LocalOCI, home: Path, **sections: Any) -> Settings:
    """Return settings that use the local OCI as a user would: an OCI configuration file with an API key."""
    keys = home.parent / "oci-keys"
    keys.mkdir(parents=True, exist_ok=True)
    config = server.config
    (keys / "key.pem").write_text(config["key_content"], encoding="utf-8")
    lines = [f"{name}={config[name]}" for name in ("tenancy", "user", "fingerprint", "region")]
    text = "\n".join(["[DEFAULT]", *lines, f"key_file={keys / 'key.pem'}", ""])
    (keys / "config").write_text(text, encoding="utf-8")
    given = {"config_file": keys / "config", "endpoint": server.url, "compartment_id": COMPARTMENT}
    return load_settings(
        home=home,
        models={"provider": "oci", **sections.pop("models", {})},
        oci={**given, **sections.pop("oci", {})},
        **sections,
    )
