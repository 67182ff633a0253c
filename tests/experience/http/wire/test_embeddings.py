"""`POST /v1/embeddings` by the clients that ask for them."""

from __future__ import annotations

import numpy as np
import openai
import pytest
from langchain_openai import OpenAIEmbeddings

from retrieval import load_embeddings
from settings import Settings
from tests.experience.http.wire.conftest import opened

TEXTS = ["Tariff A costs 12 dollars a month.", "The Heron used a titanium hull. \x00🎉"]


async def test_the_vectors_are_those_of_search(official):
    answer = await official.embeddings.create(model="sixplane", input=TEXTS)  # the client asks for base64
    ours = load_embeddings(Settings())
    expected = ours.embed_documents([TEXTS[0], TEXTS[1].replace("\x00", " ")])
    assert np.allclose([each.embedding for each in answer.data], expected, atol=1e-6)
    assert [each.index for each in answer.data] == [0, 1]
    assert answer.usage.total_tokens == answer.usage.prompt_tokens > 0
    named = await official.embeddings.create(model=answer.model, input=TEXTS[0], encoding_format="float")
    assert np.allclose(named.data[0].embedding, expected[0], atol=1e-6)
    assert named.model == ours.model_id


async def test_langchain_embeds(url):
    one = OpenAIEmbeddings(base_url=f"{url}/v1", api_key="ann", model="sixplane", check_embedding_ctx_length=False)
    assert len(await one.aembed_query(TEXTS[0])) == len((await one.aembed_documents(TEXTS))[1]) > 100


@pytest.mark.parametrize(
    ("given", "kind", "param", "text"),
    [
        ({"input": [[1, 2], [3]]}, openai.BadRequestError, "input", "token ids are not supported"),
        ({"input": [1, 2]}, openai.BadRequestError, "input", "token ids are not supported"),
        ({"input": ""}, openai.BadRequestError, "input", "at least 1"),
        ({"input": []}, openai.BadRequestError, "input", "at least 1 entry"),
        ({"input": ["x"] * 257}, openai.BadRequestError, "input", "at most 256 entries"),
        ({"dimensions": 7}, openai.BadRequestError, "dimensions", "dimensions"),
        ({"model": "text-embedding-3-small"}, openai.NotFoundError, None, "the model is"),
    ],
)
async def test_what_cannot_be_encoded_is_refused(official, given, kind, param, text):
    with pytest.raises(kind, match=text) as caught:
        await official.embeddings.create(**{"model": "sixplane", "input": "x", **given})
    assert (caught.value.param or "").startswith(param or "")


async def test_embeddings_need_the_role_ask(url):
    async with opened(url, "guest") as guest:
        with pytest.raises(openai.PermissionDeniedError):
            await guest.embeddings.create(model="sixplane", input="x")


async def test_other_dimensions_are_refused_before_the_texts_are_encoded(official, monkeypatch):
    encoder, encoded = load_embeddings(Settings()), []
    encode = encoder.embed_documents
    monkeypatch.setattr(encoder, "embed_documents", lambda texts: encoded.extend(texts) or encode(texts))
    with pytest.raises(openai.BadRequestError, match="leave `dimensions` out"):
        await official.embeddings.create(model="sixplane", input=TEXTS, dimensions=7)
    assert set(encoded).isdisjoint(TEXTS)
    answer = await official.embeddings.create(model="sixplane", input=TEXTS, dimensions=encoder.dimensions)
    assert len(answer.data) == len(TEXTS)
    assert set(TEXTS[:1]) < set(encoded)
