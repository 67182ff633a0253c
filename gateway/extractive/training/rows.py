"""A row of the table that the heads of answers are fitted to."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.extractive.features import ANSWER_FEATURES, IN_SECTION, Array
from gateway.extractive.training.examples import Example


@dataclass(frozen=True)
class Row:
    """One sub-question: the features of its answer, and whether what is quoted for it answers it.

    `told` and `fitting` say what rules of the analysis say: whether the texts may tell it, and whether what is quoted
    has the form of an answer.
    """

    example: Example
    values: Array
    right: bool
    told: bool
    fitting: bool

    @property
    def near_miss(self) -> bool:
        """Whether its evidence is on the subject without an answer."""
        return self.example.kind == "near_miss"

    @property
    def in_section(self) -> bool:
        """Whether its best sentence stands under headings."""
        return bool(self.values[ANSWER_FEATURES.index(IN_SECTION)])

    @property
    def group(self) -> str:
        """Which rows count as one: the set, and the absent and the near misses apart."""
        return self.example.set if self.example.kind == "answerable" else self.example.kind
