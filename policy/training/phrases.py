"""The phrases that were written for the training, and the disguises that are put over examples."""

from __future__ import annotations

import json
import random
import re
from dataclasses import dataclass
from importlib.resources import files
from typing import Literal

PhraseKind = Literal["injection", "request", "ordinary", "document"]

_CHOICE = re.compile(r"\{([^{}]*)\}")
_BLANKS = re.compile(r" {2,}")


@dataclass(frozen=True)
class Phrase:
    """One wording. `template` names its pattern: wordings of one pattern are no independent tests."""

    text: str
    template: str


def phrases(kind: PhraseKind, wordings: int, chance: random.Random) -> list[Phrase]:
    """Return up to `wordings` different wordings of each pattern of `kind`, in all languages."""
    stored = json.loads(files("policy.training").joinpath("phrases.json").read_text(encoding="utf-8"))[kind]
    return [
        Phrase(text, f"{kind}-{language}-{number}")
        for language, patterns in sorted(stored.items())
        for number, pattern in enumerate(patterns)
        for text in dict.fromkeys(worded(pattern, chance) for _ in range(wordings))
    ]


def worded(pattern: str, chance: random.Random) -> str:
    """Return `pattern` with one of each `{a|b}` chosen, the inner ones first.

    >>> worded("{Hello|Hello} you", random.Random(1))
    'Hello you'
    """
    while _CHOICE.search(pattern):
        pattern = _CHOICE.sub(lambda found: chance.choice(found[1].split("|")), pattern)
    return _BLANKS.sub(" ", pattern).replace(" -moi", "-moi").strip()


def mangled(text: str, chance: random.Random) -> str:
    """Return `text` with slips as people make them: letters swapped, lost, doubled, words run together."""
    words = text.split(" ")
    for at in range(len(words)):
        if len(words[at]) > 3 and chance.random() < 0.3:
            words[at] = _slip(words[at], chance)
    glue = "" if chance.random() < 0.15 else " "
    return glue.join(words)


def _slip(word: str, chance: random.Random) -> str:
    at = chance.randrange(1, len(word) - 1)
    return chance.choice(
        [
            word[:at] + word[at + 1] + word[at] + word[at + 2 :],
            word[:at] + word[at + 1 :],
            word[:at] + word[at] + word[at:],
            word[:at] + chance.choice("-*._") + word[at:],
        ]
    )
