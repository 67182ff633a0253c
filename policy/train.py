"""Trains the classifier: `python -m policy.train --embeddings MODULE:CLASS [DATA]`.

Writes `policy/classifier/weights.npz`. MODULE:CLASS names the embedding model of the second opinion, as
`retrieval.embeddings:LocalEmbeddings`: the plane of policy knows no model, neither here nor in the service. DATA is the
folder of the evaluation data, `../shared/data` by default. Only its training halves are read. The same data give the
same weights, apart from rounding that differs between processors.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import pkgutil
import random
import sys
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from policy.classifier.features import Array
from policy.classifier.model import (
    FORMAT,
    TASKS,
    WEIGHTS,
    Head,
    Kind,
    Meaning,
    Scale,
    Task,
    meaning_of,
    stored_as,
)
from policy.training.groups import grouped
from policy.training.learn import Likeliest, examples, left_out, trained
from policy.training.opinion import GATE, second_opinion
from policy.training.sources import Text, documents, prompts

ROOT = Path(__file__).resolve().parents[1]
SEED = 20261127
_WORKERS = 2
EVERY = {
    "oracle documentation": 2,
    "scifact abstracts": 6,
    "wikipedia paragraphs": 12,
    "questions: limit": 3,
    "questions: scifact_queries": 2,
}
"""Of which sets only every so many texts are used: they are large and much alike."""

_QUESTION: Task = (Kind.INJECTION, "question")
_EVIDENCE: Task = (Kind.INJECTION, "evidence")
_REQUEST: Task = (Kind.REQUEST, "evidence")

FLAGGED: dict[Task, dict[str, float]] = {
    _QUESTION: {"questions": 0.007, "notinject": 0.04, "deepset": 0.05, "wildguard": 0.1, "cyberseceval": 0.01,
                "xstest": 0.01},
    _EVIDENCE: {"scifact": 0.004, "oracle": 0.002, "sixplane": 0.05, "wikipedia": 0.013, "bipia": 0.06,
                "questions": 0.007, "notinject": 0.04},
    _REQUEST: {"scifact": 0.004, "oracle": 0.003, "sixplane": 0.05, "wikipedia": 0.013, "bipia": 0.06},
}  # fmt: skip
"""The share of harmless texts, by the first word of their set, that may be flagged in cross-validation. The targets are
1 % (7 % of NotInject, 10 % of BIPIA's clean documents); the rest is room for chance. The two tasks in evidence share
the 1 % of Oracle's documentation."""

CERTAIN: dict[Task, dict[str, float]] = {
    _QUESTION: {"questions": 0.001, "notinject": 0.005, "deepset": 0.003, "wildguard": 0.01, "cyberseceval": 0.002,
                "xstest": 0.0},
    _EVIDENCE: {"scifact": 0.0005, "oracle": 0.0005, "wikipedia": 0.005, "bipia": 0.0, "questions": 0.001},
    _REQUEST: {"scifact": 0.0005, "oracle": 0.0005, "wikipedia": 0.005, "bipia": 0.0},
}  # fmt: skip
"""The share that may score as certain."""


def main() -> None:
    """Train the head of each task, choose its thresholds and write the file."""
    parser = argparse.ArgumentParser(prog="python -m policy.train", description="Train the injection classifier.")
    parser.add_argument(
        "--embeddings",
        required=True,
        metavar="MODULE:CLASS",
        help="the embedding model of the second opinion, for example retrieval.embeddings:LocalEmbeddings",
    )
    parser.add_argument("data", nargs="?", type=Path, default=ROOT.parent / "shared" / "data")
    given = parser.parse_args()
    data: Path = given.data
    if not data.is_dir():
        parser.error(f"there is no folder {data}: pass the folder of the evaluation data")
    try:
        pkgutil.resolve_name(given.embeddings)
    except (ImportError, AttributeError, ValueError) as error:
        parser.error(f"--embeddings {given.embeddings}: {error}")
    written, papers = grouped(_thinned(prompts(data, "train"))), _thinned(documents(data, "train"))
    texts = {
        _QUESTION: written,
        _EVIDENCE: [*written, *(each for each in papers if not each.hostile)],
        _REQUEST: papers,
    }
    with ProcessPoolExecutor(max_workers=_WORKERS) as pool:
        learned = pool.map(partial(_learned, given.embeddings), TASKS, [texts[task] for task in TASKS])
        heads = dict(zip(TASKS, learned, strict=True))
    _save(ROOT / "policy" / "classifier" / WEIGHTS, heads)


def _thinned(texts: Iterable[Text]) -> list[Text]:
    seen: dict[str, int] = {}
    kept = []
    for text in texts:
        seen[text.set] = seen.get(text.set, -1) + 1
        if seen[text.set] % EVERY.get(text.set, 1) == 0:
            kept.append(text)
    return kept


def _learned(model: str, task: Task, texts: Sequence[Text]) -> Head:
    kind, _ = task
    found = examples(task, texts, random.Random(SEED))  # noqa: S311 - no secret
    best = left_out(kind, found, texts)
    scores = np.array([each.raw for each in best])
    scale = _scale(texts, scores, task)
    _report(f"{stored_as(task)}: {len(found)} examples", texts, scores, scale)
    weights = trained(kind, found, texts)
    meaning = _meaning(model, task, texts, best) if kind is Kind.INJECTION else None
    return Head(weights[:-1], float(weights[-1]), scale, meaning)


def _meaning(model: str, task: Task, texts: Sequence[Text], best: Sequence[Likeliest]) -> Meaning:
    embeddings = pkgutil.resolve_name(model)()
    opinion = second_opinion(texts, best, embeddings.embed_documents)
    scale = _scale(texts, opinion.left_out, task)
    title = f"{stored_as(task)}, with the second opinion of {embeddings.model_id}"
    _report(title, texts, opinion.left_out, scale)
    return Meaning(embeddings.model_id, opinion.weights, opinion.trust, opinion.bias, GATE, scale)


def _report(title: str, texts: Sequence[Text], scores: Array, scale: Scale) -> None:
    lines = [title, "  left out, the shares flagged and certain"]
    for name in dict.fromkeys(text.set for text in texts):
        own = scores[[text.set == name for text in texts]]
        shares = " ".join(f"{np.mean(own >= limit):.3f}" for limit in (scale.flag_at, scale.certain_at))
        lines.append(f"  {name:<28} {len(own):>5}  {shares}")
    _say("\n".join(lines))


def _scale(texts: Sequence[Text], scores: Array, task: Task) -> Scale:
    flag_at = _threshold(texts, scores, FLAGGED[task])
    return Scale(flag_at, max(_threshold(texts, scores, CERTAIN[task]), flag_at + 1.0))


def _threshold(texts: Sequence[Text], scores: Array, shares: Mapping[str, float]) -> float:
    """Return the lowest score that at most the given share of the harmless texts of each set reaches."""
    needed = []
    for first, share in shares.items():
        own = np.array([score for text, score in zip(texts, scores, strict=True)
                        if text.set.startswith(first) and not text.hostile])  # fmt: skip
        if own.size:
            allowed = int(share * own.size)
            needed.append(float(np.sort(own)[::-1][allowed]) + 1e-6)
    return max(needed)


def _save(path: Path, heads: Mapping[Task, Head]) -> None:
    card: dict[str, Any] = {"format": FORMAT, "heads": {}}
    stored: dict[str, Array] = {}
    for task, head in heads.items():
        name, given = stored_as(task), head.meaning
        step = float(np.abs(head.weights).max()) / 127
        stored[name] = np.round(head.weights / step).astype(np.int8)
        card["heads"][name] = {"step": step, "bias": head.bias, "scale": _stored(head.scale), "meaning": None}
        if given is not None:
            stored[meaning_of(name)] = given.weights.astype(np.float32)
            meaning = {"model": given.model, "trust": given.trust, "bias": given.bias, "gate": given.gate}
            card["heads"][name]["meaning"] = {**meaning, "scale": _stored(given.scale)}
    np.savez_compressed(path, card=np.array(json.dumps(card)), **stored)
    _say(f"{path.name}: {path.stat().st_size:,} bytes, SHA-256 {hashlib.sha256(path.read_bytes()).hexdigest()[:16]}")


def _stored(scale: Scale) -> list[float]:
    return [scale.flag_at, scale.certain_at]


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
