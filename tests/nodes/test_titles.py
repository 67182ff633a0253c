"""Which titles of documents the planner is told."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock

import pytest

from nodes.research.holdings import corpus_field
from policy import Action, Guard, GuardChain, Stage, Verdict
from settings.policy import PolicySettings
from state.channels import ResearchContext
from state.values import Mask
from tests.doubles.corpora import StubCorpus


class Words(Guard):
    """Finds three words. Like the guard of injections, it tells the spans of its strictest action only."""

    name = "words"

    async def check(self, text: str, stage: Stage) -> Verdict:
        for word, action in (("Poison", Action.REFUSE), ("Mail", Action.REDACT), ("Spice", Action.FLAG)):
            spans = tuple(Mask(start=each.start(), end=each.end(), kind="X") for each in re.finditer(word, text))
            if spans:
                return Verdict(action=action, policy=self.name, spans=spans)
        return self.allow()


async def told(*names: str) -> list[str]:
    corpus = StubCorpus("own", dict.fromkeys(names, "A text."))
    guards = GuardChain([Words()], PolicySettings())
    collaborators: Any = SimpleNamespace(guards=guards, corpus=AsyncMock(return_value=corpus))
    field, _ = await corpus_field(collaborators, {"question": "Which?"}, ResearchContext(corpus="own"))
    titles: list[str] = field["titles"]
    return titles


@pytest.mark.parametrize("names", [("spice",), ("mail",), ("poison", "spice"), ("poison", "mail", "spice")])
async def test_whatever_a_guard_objects_to_is_left_out_also_beside_something_worse(names: tuple[str, ...]) -> None:
    assert await told(*names, "tariff", "falk") == ["Falk", "Tariff"]


async def test_nothing_is_left_of_titles_that_are_all_refused() -> None:
    assert await told("poison", "poison more") == []
