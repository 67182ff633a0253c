"""Which models the local OCI serves on demand. Facts of Oracle's pages of 2026-11-26, not of our catalogue."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ServedModel:
    """What a model takes.

    Args:
        formats: `COHERE`, `COHEREV2` and `GENERIC` of chat models, or `EMBED`, or `RERANK`; none of a model that OCI's
            own API does not serve.
        window: tokens of prompt and answer together; of an embedding, of each input.
        output: most tokens of an answer.
        retired: whether it is no longer served.
        dimensions: the sizes of vectors that can be asked for.
        surfaces: of OpenAI's APIs that it answers on, if it does at all: `chat`, `responses`.
    """

    formats: tuple[str, ...]
    window: int = 128_000
    output: int = 4_000
    retired: bool = False
    dimensions: tuple[int, ...] = ()
    surfaces: tuple[str, ...] = ("chat", "responses")


_COHERE = ServedModel(("COHERE", "COHEREV2"), 256_000)
_VISION = ServedModel(("COHEREV2",))
_META = ServedModel(("GENERIC",))
_OPENAI = ServedModel(("GENERIC",), output=128_000)
_XAI = ServedModel(("GENERIC",), 1_000_000, 128_000)
_GOOGLE = ServedModel(("GENERIC",), 1_048_576, 65_536)
_AGENTS = ServedModel((), 1_000_000, 128_000, surfaces=("responses",))
_GONE = ServedModel(("COHERE", "COHEREV2"), retired=True)

SERVED: dict[str, ServedModel] = {
    "cohere.command-a-03-2025": _COHERE,
    "cohere.command-a-translate-08-2025": ServedModel(("COHERE", "COHEREV2"), 16_000),
    "cohere.command-a-vision": _VISION,
    "cohere.command-r-plus": _GONE,
    "cohere.command-r-16k": _GONE,
    "meta.llama-3.1-70b-instruct": ServedModel(("GENERIC",), retired=True),
    "meta.llama-3.3-70b-instruct": _META,
    "openai.gpt-oss-20b": _OPENAI,
    "openai.gpt-oss-120b": _OPENAI,
    "xai.grok-4.3": _XAI,
    "xai.grok-4.20": _XAI,
    "xai.grok-4.20-multi-agent": _AGENTS,
    "google.gemini-2.5-flash": _GOOGLE,
    "google.gemini-2.5-pro": _GOOGLE,
    "cohere.embed-v4.0": ServedModel(("EMBED",), 128_000, 0, dimensions=(256, 512, 1024, 1536)),
    "cohere.embed-english-v3.0": ServedModel(("EMBED",), 512, 0, retired=True),
    "cohere.rerank-v4.0-fast": ServedModel(("RERANK",), 32_000, 0),
    "cohere.rerank-v4.0-pro": ServedModel(("RERANK",), 32_000, 0),
}
"""By id. A dedicated endpoint takes whatever its model does, which its OCID does not tell: see `ENDPOINT`."""

ENDPOINT = ServedModel(("COHERE", "COHEREV2", "GENERIC", "EMBED", "RERANK"), dimensions=(256, 512, 1024, 1536))
