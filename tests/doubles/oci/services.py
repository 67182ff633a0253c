"""Everything but chat: embeddings, reranking, guardrails, and the bodies of telemetry services."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

Embed = Callable[[list[str]], list[list[float]]]

_EMAIL = re.compile(r"[\w.+-]+@[\w-]+\.\w+")
_WORD = re.compile(r"\w+")
_NAMESPACE = re.compile(r"(?!oci_|oracle_)[A-Za-z][A-Za-z0-9_]*")
MAX_STREAMS = 50


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
    """Return the answer to `embedText`."""
    inputs = body["inputs"]
    tokens = sum(-(-len(text) // 4) for text in inputs)
    return {
        "id": "embed",
        "embeddings": embed(inputs),
        "modelId": body["servingMode"].get("modelId"),
        "modelVersion": "1.0",
        "usage": {"promptTokens": tokens, "totalTokens": tokens},
    }


def rerank_answer(body: dict[str, Any]) -> dict[str, Any]:
    """Return the answer to `rerankText`: by the share of the query's words."""
    wanted = set(_WORD.findall(body["input"].lower()))
    scores = [len(wanted & set(_WORD.findall(text.lower()))) / max(len(wanted), 1) for text in body["documents"]]
    order = sorted(range(len(scores)), key=lambda n: (-scores[n], n))[: body.get("topN") or len(scores)]
    ranks = [{"index": n, "relevanceScore": scores[n]} for n in order]
    return {"id": "rerank", "modelId": body["servingMode"].get("modelId"), "documentRanks": ranks}


def guardrails_answer(body: dict[str, Any], unsafe: tuple[str, ...]) -> dict[str, Any]:
    """Return the answer to `applyGuardrails`. Raises `LookupError` for configurations without what is required."""
    text, wanted = body["input"]["content"], body["guardrailConfigs"]
    results: dict[str, Any] = {}
    if "contentModerationConfig" in wanted:
        flagged = float(any(word in text.lower() for word in unsafe))
        results["contentModeration"] = {
            "categories": [
                {"name": name, "score": flagged if name == "OVERALL" else 0.0}
                for name in wanted["contentModerationConfig"]["categories"]
            ]
        }
    if "personallyIdentifiableInformationConfig" in wanted:
        results["personallyIdentifiableInformation"] = [
            {"text": m.group(), "label": "EMAIL", "offset": m.start(), "length": len(m.group()), "score": 0.95}
            for m in _EMAIL.finditer(text)
            if "EMAIL" in wanted["personallyIdentifiableInformationConfig"]["types"]
        ]
    if "promptInjectionConfig" in wanted:
        results["promptInjection"] = {"score": float("ignore all previous instructions" in text.lower())}
    version = (body.get("guardrailVersionConfig") or {}).get("guardrailVersion", "1.0.0")
    return {"results": results, "guardrailVersion": version}


def metrics_answer(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """Return status and answer of `post_metric_data`."""
    data = body["metricData"]
    if len({(item["name"], str(sorted(item["dimensions"].items()))) for item in data}) > MAX_STREAMS:
        return 400, {"code": "InvalidParameter", "message": "more than 50 unique metric streams"}
    failed = [{"message": "rejected", "metricData": item} for item in data if not _sound(item)]
    return 200, {"failedMetricsCount": len(failed), "failedMetrics": failed}


def _sound(item: dict[str, Any]) -> bool:
    now = datetime.now(UTC)
    times = [datetime.fromisoformat(point["timestamp"]) for point in item["datapoints"]]
    named = _NAMESPACE.fullmatch(item["namespace"]) and 1 <= len(item["dimensions"]) <= 20
    sized = all(key and value and len(key) <= 256 and len(value) <= 512 for key, value in item["dimensions"].items())
    in_time = all(now - timedelta(hours=2) <= at <= now + timedelta(minutes=10) for at in times)
    return bool(named and sized and in_time)
