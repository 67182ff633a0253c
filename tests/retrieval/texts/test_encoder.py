"""What the local encoder encodes together, and that this changes no vector."""

from __future__ import annotations

import random
import threading

import numpy as np
import pytest

from retrieval import LocalEmbeddings, load_embeddings
from retrieval.embeddings import Portion
from retrieval.embeddings.local import _BATCH_TEXTS, _BATCH_TOKENS, _batches
from settings import Settings

TEXTS = [f"{n} " + "how the harbour of the town is opened at seven " * (n % 5) for n in range(12)]


@pytest.fixture
def encoder() -> LocalEmbeddings:
    loaded = load_embeddings(Settings())
    assert isinstance(loaded, LocalEmbeddings)
    return loaded


def test_a_vector_does_not_depend_on_what_is_encoded_with_it(encoder: LocalEmbeddings) -> None:
    alone = np.array([encoder.embed_query(text) for text in TEXTS])
    order = random.Random(3).sample(range(len(TEXTS)), len(TEXTS))
    shuffled = np.array(encoder.embed_documents([TEXTS[n] for n in order]))
    parts = np.array([each for at in range(0, 12, 5) for each in encoder.embed_documents(TEXTS[at : at + 5])])
    assert np.abs(np.linalg.norm(alone, axis=1) - 1).max() < 1e-6
    for other in (shuffled[np.argsort(order)], parts):
        assert (1 - (alone * other).sum(axis=1)).max() < 1e-6
    assert (alone @ alone.T < 1 - 1e-4).sum() > 100  # texts that are not alike have other vectors


def test_no_text_has_no_vector(encoder: LocalEmbeddings) -> None:
    assert encoder.embed_documents([]) == []
    assert len(encoder.embed_documents([""])[0]) == encoder.dimensions


def test_texts_of_one_length_are_encoded_together_as_far_as_it_helps() -> None:
    lengths = [0, 300, *(n % 256 + 1 for n in range(2000))]
    found = _batches(lengths)
    assert sorted(n for _, batch in found for n in batch) == [*range(len(lengths))]
    for padded, batch in found:
        assert all(0 <= padded - max(lengths[n], 1) < (8 if padded <= 128 else 16) for n in batch)
        assert len(batch) == 1 or (len(batch) <= _BATCH_TEXTS and len(batch) * padded <= _BATCH_TOKENS)
    assert max(len(batch) for _, batch in found) == _BATCH_TEXTS
    assert len({padded for padded, _ in found}) <= 25


async def test_all_groups_are_encoded_by_one_thread(encoder: LocalEmbeddings, monkeypatch: pytest.MonkeyPatch) -> None:
    names: list[str] = []

    def noticed(texts: list[str]) -> list[list[float]]:
        names.append(threading.current_thread().name)
        return [[1.0] for _ in texts]

    monkeypatch.setattr(encoder, "embed_documents", noticed)
    for _ in range(3):
        assert await encoder.aembed_documents(["a"]) == [[1.0]]
    assert set(names) == {"sixplane-encoding_0"}


def test_a_portion_is_bounded_by_texts_and_by_characters() -> None:
    class Wanting:
        texts_at_once, chars_at_once = 3, 10

    assert Portion.of(object()) == (64, float("inf"))
    portion = Portion.of(Wanting())
    assert portion == (3, 10.0)
    sizes = [1, 1, 1, 1, 9, 1, 50, 4, 4]
    assert [[*part] for part in portion.parts((size, size) for size in sizes)] == [[1, 1, 1], [1, 9], [1, 50], [4, 4]]
    assert (portion.is_reached(3, 0), portion.is_reached(2, 9), portion.is_reached(1, 10)) == (True, False, True)
    assert (portion.is_exceeded(3, 10), portion.is_exceeded(4, 0), portion.is_exceeded(1, 11)) == (False, True, True)
