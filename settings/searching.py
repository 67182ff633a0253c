"""The settings of retrieval."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class RetrievalSettings(BaseModel):
    """What is retrieved: numbers of passages for requests without a `k` of their own, and how runs search."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    hits: int = Field(10, ge=1, le=50)
    """Number of passages that a search returns."""
    passages_per_sub_question: int = Field(8, ge=1, le=50)
    """Number of passages that a run retrieves for each sub-question."""
    neighbours: int = Field(2, ge=0, le=50)
    """Number of best passages of a sub-question whose neighbours a run reads where a search finds too few beside.

    With 0, a run reads nothing beside the passages that are found for themselves.
    """
    mode: Literal["hybrid", "dense", "keyword"] = "hybrid"
    """How a run searches: by words and by meaning, or by one of them."""
    # 8 is a measured value: the extractive ranker was trained with 8 passages per sub-question
    # of 2WikiMultiHop. Measure again before changing it (`sixplane evaluate`). 10 hits is a choice: one screen.
