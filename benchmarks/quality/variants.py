"""What is compared: the whole graph, and the graph with one part switched off by an option or a setting."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Variant:
    """A way to run the graph: options of the run, and settings by section."""

    name: str
    title: str
    context: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def switch(self) -> str:
        """The option or setting, as a user writes it."""
        options = [f"{name} = {value}" for name, value in self.context.items()]
        sections = [f"{part}.{name} = {value}" for part, each in self.settings.items() for name, value in each.items()]
        return ", ".join([*options, *sections]).replace("False", "false")


WHOLE = Variant("whole", "the whole graph")

ABLATIONS = (
    Variant("no-decomposition", "no decomposition", context={"max_sub_questions": 1}),
    Variant("one-round", "no second round", context={"max_research_rounds": 1}),
    Variant("no-neighbours", "no enrichment", settings={"retrieval": {"neighbours": 0}}),
    Variant("keyword-only", "no fusion: words only", settings={"retrieval": {"mode": "keyword"}}),
    Variant("dense-only", "no fusion: meaning only", settings={"retrieval": {"mode": "dense"}}),
    Variant("no-reviewer", "no reviewer", settings={"run": {"review": False}}),
)
