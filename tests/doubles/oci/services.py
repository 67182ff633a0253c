"""The other services of generative AI: embeddings, reranking and guardrails; and IAM's tokens for databases."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
import time
import uuid
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives.serialization import load_pem_public_key

Embed = Callable[[list[str]], list[list[float]]]

_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_WORD = re.compile(r"\w+")
_INJECTION = "ignore all previous instructions"


def hashed_words(texts: list[str], dimensions: int = 64) -> list[list[float]]:
    """Return hashed bags of words, of length one."""
    return [_hashed(text, dimensions) for text in texts]


def _hashed(text: str, dimensions: int) -> list[float]:
    found = [0.0] * dimensions
    for word in _WORD.findall(text.lower()) or [""]:
        found[int.from_bytes(hashlib.sha256(word.encode()).digest()[:4]) % dimensions] += 1.0
    length = math.sqrt(sum(value * value for value in found))
    return [value / length for value in found]


def embed_answer(body: dict[str, Any], embed: Embed) -> dict[str, Any]:
    """Return the answer to `embedText`, with vectors of the size that is asked for."""
    inputs, wanted = body["inputs"], body.get("outputDimensions")
    tokens = sum(-(-len(text) // 4) for text in inputs)
    vectors = embed(inputs)
    return {
        "id": "embed",
        "embeddings": [_sized(vector, wanted) for vector in vectors] if wanted else vectors,
        "modelId": body["servingMode"].get("modelId"),
        "modelVersion": "1.0",
        "usage": {"promptTokens": tokens, "completionTokens": 0, "totalTokens": tokens},
    }


def _sized(vector: list[float], dimensions: int) -> list[float]:
    """Return a vector of length one with so many numbers, repeated or cut: like texts stay alike."""
    found = (vector * -(-dimensions // len(vector)))[:dimensions]
    length = math.sqrt(sum(value * value for value in found)) or 1.0
    return [value / length for value in found]


def rerank_answer(body: dict[str, Any]) -> dict[str, Any]:
    """Return the answer to `rerankText`: by the share of the query's words."""
    wanted = set(_WORD.findall(body["input"].lower()))
    scores = [len(wanted & set(_WORD.findall(text.lower()))) / max(len(wanted), 1) for text in body["documents"]]
    order = sorted(range(len(scores)), key=lambda n: (-scores[n], n))[: body.get("topN") or len(scores)]
    return {
        "id": "rerank",
        "modelId": body["servingMode"].get("modelId"),
        "modelVersion": "1.0",
        "documentRanks": [{"index": n, "relevanceScore": scores[n]} for n in order],
    }


def guardrails_answer(body: dict[str, Any], unsafe: tuple[str, ...]) -> dict[str, Any]:
    """Return the answer to `applyGuardrails`."""
    text, wanted = body["input"]["content"], body["guardrailConfigs"]
    results: dict[str, Any] = {}
    if wanted.get("contentModerationConfig") is not None:
        flagged = float(any(word.lower() in text.lower() for word in unsafe))
        results["contentModeration"] = {
            "categories": [
                {"name": name, "score": flagged if name == "OVERALL" else 0.0}
                for name in wanted["contentModerationConfig"]["categories"]
            ]
        }
    if wanted.get("personallyIdentifiableInformationConfig") is not None:
        types = wanted["personallyIdentifiableInformationConfig"]["types"]
        results["personallyIdentifiableInformation"] = _emails(text) if "EMAIL" in types else []
    if wanted.get("promptInjectionConfig") is not None:
        results["promptInjection"] = {"score": float(_INJECTION in text.lower())}
    version = (body.get("guardrailVersionConfig") or {}).get("guardrailVersion", "1.0.0")
    return {"results": results, "guardrailVersion": {"version": version}}


def _emails(text: str) -> list[dict[str, Any]]:
    return [
        {"text": found.group(), "label": "EMAIL", "offset": found.start(), "length": len(found.group()), "score": 1.0}
        for found in _EMAIL.finditer(text)
    ]


def token_answer(body: dict[str, Any]) -> dict[str, Any]:
    """Return the answer to `generateScopedAccessToken`: a token for a database that expires in an hour.

    Raises `ValueError` if the scope is none of a database, or the key is no public key in PEM format.
    """
    if not body["scope"].startswith("urn:oracle:db::id::"):
        raise ValueError("the scope is none of a database")
    load_pem_public_key(body["publicKey"].encode())
    claims = {"scope": body["scope"], "exp": int(time.time()) + 3600, "jti": uuid.uuid4().hex}
    return {"token": ".".join(_segment(part) for part in ({"alg": "RS256"}, claims, {"signed": "locally"}))}


def _segment(part: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")
