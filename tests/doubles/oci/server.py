"""The server: a thread with its own loop on 127.0.0.1.

with LocalOCI(answer=lambda call: "Hello") as oci:
    client = GenerativeAiInferenceClient(oci.config, service_endpoint=oci.url)
"""

from __future__ import annotations

import socket
import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Literal

import uvicorn
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from tests.doubles.oci.answers import Answers, extractive_answers, forwarded_answers, local_embeddings
from tests.doubles.oci.delivery import Dated
from tests.doubles.oci.faults import Faults
from tests.doubles.oci.hosting import Hosting
from tests.doubles.oci.managed import Managed
from tests.doubles.oci.management import Tenancy
from tests.doubles.oci.openai_surface import OpenAISurface
from tests.doubles.oci.records import Call, Records, Seen
from tests.doubles.oci.routes import Plane
from tests.doubles.oci.rules.models import SERVED, ServedModel
from tests.doubles.oci.services import Embed, hashed_words
from tests.doubles.oci.signature import Verifier, fingerprint_of, pem_of, throw_away_key
from tests.doubles.oci.storage import Buckets

TENANCY, USER = "ocid1.tenancy.oc1..local", "ocid1.user.oc1..local"
COMPARTMENT = "ocid1.compartment.oc1..local"
REGION = "us-chicago-1"
PROJECT = "ocid1.generativeaiproject.oc1.us-chicago-1.local"
STORE = "ocid1.generativeaiconversationstore.oc1.us-chicago-1.local"
DEPLOYMENT = "ocid1.datasciencemodeldeployment.oc1.us-chicago-1.local"


class LocalOCI:
    """A local OCI.

    Args:
        answer: what the chat models say, to each `ChatCall`; without one, like the extractive model.
        forward_to: base URL of an OpenAI-compatible server that answers instead.
        embed: `minilm` (the encoder of this repository), `hash` (bags of words, fast), or what makes vectors.
        key: of the signatures that are accepted; the process's throw-away key without one.
        token: a security token that is accepted beside the API key.
        api_key: an API key of Generative AI that is accepted on OpenAI's APIs.
        data_key: the data key of APM; any is accepted where it is empty.
        buckets: the objects of Object Storage, by namespace and bucket.
        models: what is served on demand, by id.
        compartments: those that the caller may use.
        unsafe: words that the content moderation flags.
        delay: seconds before each answer of a chat model.
        port: any free one where it is 0.
        seed: of the faults that come with a probability.
        tenancy: the models that its management API lists, and which of them say that they are about to retire.
        ahead: seconds by which its clock is ahead of this machine's.
        managed: what its agents and vector stores hold.
        hosting: its hosted applications; one without any where it is `None`.
    """

    def __init__(
        self,
        answer: Answers | None = None,
        *,
        forward_to: str = "",
        embed: Literal["minilm", "hash"] | Embed = "minilm",
        key: RSAPrivateKey | None = None,
        token: str = "",
        api_key: str = "",
        data_key: str = "",
        buckets: Buckets | None = None,
        models: Mapping[str, ServedModel] = SERVED,
        compartments: Iterable[str] = (COMPARTMENT, TENANCY),
        unsafe: tuple[str, ...] = ("bombspell",),
        delay: float = 0.0,
        port: int = 0,
        seed: int = 0,
        tenancy: Tenancy | None = None,
        ahead: float = 0.0,
        managed: Managed | None = None,
        hosting: Hosting | None = None,
    ) -> None:
        self._key = key or throw_away_key()
        self._fingerprint = fingerprint_of(self._key)
        key_ids = {f"{TENANCY}/{USER}/{self._fingerprint}", *([f"ST${token}"] if token else [])}
        self.faults, self._records = Faults(seed), Records()
        forwarded = forwarded_answers(forward_to) if forward_to else None
        answers = answer or forwarded or extractive_answers()
        verifier = Verifier(self._key.public_key(), frozenset(key_ids), ahead)
        tenancy, managed = tenancy or Tenancy(), managed or Managed()
        tenancy = tenancy or Tenancy()
        self.hosting = hosting or Hosting(frozenset(compartments))
        plane = Plane(
            answer=answers,
            embed=_embedder(embed),
            unsafe=unsafe,
            data_key=data_key,
            delay=delay,
            verifier=verifier,
            faults=self.faults,
            records=self._records,
            buckets=buckets or {},
            tenancy=tenancy,
            managed=managed,
            hosting=self.hosting,
            openai=OpenAISurface(
                answer=answers,
                verifier=verifier,
                faults=self.faults,
                records=self._records,
                api_keys=frozenset({api_key} - {""}),
                compartments=frozenset(compartments),
                projects=frozenset({PROJECT}),
                stores=frozenset({STORE}),
                deployments=frozenset({DEPLOYMENT}),
                served=models,
                notice=tenancy.notice,
                managed=managed,
            ),
            served=models,
            compartments=frozenset(compartments),
        )
        self._socket = _bound(port)
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        config = uvicorn.Config(
            Dated(plane.app(), ahead),
            log_config=None,
            log_level="critical",
            lifespan="off",
            backlog=2048,
            timeout_keep_alive=60,
            date_header=False,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), daemon=True)

    @property
    def config(self) -> dict[str, str]:
        """A configuration that the SDK takes."""
        return {
            "tenancy": TENANCY,
            "user": USER,
            "fingerprint": self._fingerprint,
            "region": REGION,
            "key_content": pem_of(self._key),
        }

    @property
    def calls(self) -> list[Call]:
        """The calls so far, the rejected ones too, in the order of their arrival."""
        with self._records.lock:
            return list(self._records.calls)

    @property
    def rejected(self) -> Counter[str]:
        """How many calls were rejected, by the reason."""
        return self._records.rejected

    @property
    def seen(self) -> Seen:
        """What the telemetry services accepted."""
        return self._records.seen

    @property
    def metrics(self) -> list[dict[str, Any]]:
        """The metrics that Monitoring accepted."""
        return self.seen.metrics

    @property
    def log_entries(self) -> list[dict[str, Any]]:
        """The entries that Logging accepted."""
        return self.seen.log_entries

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The messages of all topics."""
        return self.seen.messages

    @property
    def spans(self) -> list[Any]:
        """The spans that APM accepted, decoded."""
        return self.seen.spans

    def of(self, path: str) -> list[Call]:
        """Return the verified calls of one operation."""
        return self._records.of(path)

    def completed_chars(self) -> int:
        """Return the characters of prompts and answers of completed chat calls."""
        return self._records.completed_chars()

    def all_chars(self) -> int:
        """Return the characters of all chat calls that a model answered, whether the answer arrived or not."""
        return self._records.all_chars()

    def forget(self) -> None:
        """Forget calls and faults, so that one server can serve many tests."""
        self.faults.clear()
        self._records.clear()

    def start(self) -> None:
        """Serve, in a thread."""
        self._thread.start()
        while not self._server.started:
            if not self._thread.is_alive():
                raise RuntimeError("the local OCI did not start")
            time.sleep(0.005)

    def stop(self) -> None:
        """Serve no longer."""
        self._server.should_exit = self._server.force_exit = True
        self._thread.join(10)
        self._socket.close()

    def __enter__(self) -> LocalOCI:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def _embedder(embed: Literal["minilm", "hash"] | Embed) -> Embed:
    if callable(embed):
        return embed
    return hashed_words if embed == "hash" else lambda texts: local_embeddings().embed_documents(texts)


def _bound(port: int) -> socket.socket:
    found = socket.socket()
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    found.bind(("127.0.0.1", port))
    return found
