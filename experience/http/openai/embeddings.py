"""`POST /v1/embeddings`: the vectors that search uses, in OpenAI's format."""

from __future__ import annotations

import base64
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from experience.http.callers import AtDesk, Caller
from experience.http.openai.conversation import readable
from experience.http.openai.requests import MODEL
from experience.http.openai_problems import Unsupported, unsupported
from gateway.token_estimates import TYPICAL_CHARS_PER_TOKEN
from state.values import NUMBER

router = APIRouter()

MOST_TEXTS = 256
"""Texts of one request. A chosen value: a few seconds of the local model; OpenAI's own limit is 2,048."""

_ONLY_TEXT = "token ids are not supported: send text; langchain-openai does with `check_embedding_ctx_length=False`"


def _texts(value: Any) -> Any:
    first = value[0] if isinstance(value, list) and value else value
    if isinstance(first, int) or (isinstance(first, list) and first and isinstance(first[0], int)):
        raise unsupported(_ONLY_TEXT)
    return value


Text = Annotated[str, BeforeValidator(readable), StringConstraints(min_length=1)]


class EmbeddingRequest(BaseModel):
    """Texts to encode. What exceeds the model's window, 256 tokens of the built-in model, does not count."""

    model_config = ConfigDict(extra="ignore")

    input: Annotated[Text | Annotated[list[Text], Field(min_length=1, max_length=MOST_TEXTS)], BeforeValidator(_texts)]
    model: str = Field(MODEL, max_length=128, description="`sixplane`, or the name of the model that corpora use.")
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: Annotated[int, Field(ge=1), NUMBER] | None = Field(
        None, description="The model's own number of dimensions: vectors are not shortened."
    )

    @property
    def texts(self) -> list[str]:
        """The texts."""
        return [self.input] if isinstance(self.input, str) else self.input


@router.post("/v1/embeddings", operation_id="createEmbeddings")
async def embeddings(asked: EmbeddingRequest, caller: Caller, desk: AtDesk) -> dict[str, Any]:
    """Encode texts with the model that corpora are encoded with."""
    texts, named = asked.texts, "" if asked.model == MODEL else asked.model
    if asked.dimensions is not None:
        # One word tells the number of dimensions of any model: a refusal must not cost what the texts would.
        name, [vector] = await desk.embed(caller, ["dimensions"], named)
        if asked.dimensions != len(vector):
            raise Unsupported("dimensions", f"`{name}` has {len(vector)} dimensions", hint="leave `dimensions` out")
    model, vectors = await desk.embed(caller, texts, named)
    encoded = [_packed(each) if asked.encoding_format == "base64" else each for each in vectors]
    tokens = sum(-(-len(text) // TYPICAL_CHARS_PER_TOKEN) for text in texts)
    return {
        "object": "list",
        "data": [{"object": "embedding", "index": n, "embedding": each} for n, each in enumerate(encoded)],
        "model": model,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }


def _packed(vector: list[float]) -> str:
    """Return a vector as its little-endian 32-bit numbers in base64, which OpenAI's Python client asks for."""
    return base64.b64encode(np.asarray(vector, dtype="<f4").tobytes()).decode()
