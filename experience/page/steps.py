"""The work of a run, node by node, as its events tell it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from experience.service.events import NodeFinished, NodeStarted, RunEvent, TextDelta

NODES = {
    "guard_input": ("Screen the question", "Screening the question"),
    "researcher": ("Plan", "Planning the research"),
    "retrieve": ("Search", "Searching the documents"),
    "guard_evidence": ("Screen passages", "Screening the passages"),
    "analyzer": ("Read", "Reading the passages"),
    "writer": ("Write", "Writing the draft"),
    "verifier": ("Check statements", "Checking every statement"),
    "reviewer": ("Review", "Reviewing the draft"),
    "human_review": ("Your review", "Waiting for a review"),
    "guard_output": ("Screen the answer", "Screening the answer"),
    "publish": ("Publish", "Publishing the report"),
}
"""The nodes of the graph in the order of a run without loops: what each does, and what it is doing."""


@dataclass
class Step:
    """What became of a node so far: how often it began and ended, and whether it failed the last time."""

    name: str
    doing: str
    begun: int = 0
    ended: int = 0
    failed: bool = False

    @property
    def state(self) -> str:
        """`waiting`, `running`, `failed` or `done`."""
        if self.begun > self.ended:
            return "running"
        return "waiting" if not self.begun else "failed" if self.failed else "done"


@dataclass
class Work:
    """The steps of a run and the text that it has published so far."""

    steps: dict[str, Step]
    text: str = ""

    @property
    def shown(self) -> list[Step]:
        """The steps, without the review by a person where nobody asked for one."""
        return [step for node, step in self.steps.items() if node != "human_review" or step.begun]

    @property
    def now(self) -> str:
        """What the run is doing, in words; empty before its first step."""
        running = [step.doing for step in self.steps.values() if step.state == "running"]
        begun = [step.doing for step in self.steps.values() if step.begun]
        return running[-1] if running else begun[-1] if begun else ""

    def take(self, event: RunEvent) -> None:
        """Take an event of the run."""
        match event:
            case NodeStarted():
                self._step(event.node).begun += 1
            case NodeFinished():
                step = self._step(event.node)
                step.ended, step.failed = step.ended + 1, event.error
            case TextDelta():
                self.text += event.text

    def _step(self, node: str) -> Step:
        return self.steps.setdefault(node, Step(node, node))


def work_of(events: Iterable[RunEvent] = ()) -> Work:
    """Return the work that `events` tell of. Every node is listed, also those that have not begun."""
    work = Work({node: Step(*words) for node, words in NODES.items()})
    for event in events:
        work.take(event)
    return work
