"""The quick test of two texts never parts what says the same."""

from __future__ import annotations

import random
import tomllib
from pathlib import Path

import pytest

from retrieval.ranking.duplicates import Group, Groups, words_of
from retrieval.ranking.letters import Letters, most_words
from state.values import Passage

PAIRS: dict[str, list[list[str]]] = tomllib.loads(Path(__file__).with_name("near.toml").read_text(encoding="utf-8"))
ROUNDS = 40


def passage(text: str, **more: object) -> Passage:
    place = {"evidence_id": text, "document_id": "d", "title": "t", "source": "s", "start": 0, "end": len(text)}
    return Passage(text=text, **place, **more)


def edited(text: str, rng: random.Random) -> str:
    """Change `text` as a reader would not notice, or a little more than that."""
    at = rng.randrange(len(text))
    words = text.split(" ")
    long = rng.choice([n for n, word in enumerate(words) if len(word) > 5] or [0])
    middle = len(words[long]) // 2
    swapped = words[long][:middle] + words[long][middle:][1:2] + words[long][middle] + words[long][middle:][2:]
    return rng.choice(
        [
            text.upper(),
            text.replace(" the ", " "),
            text.replace(" ", " des ", 2),
            text.replace("-", "\u2013").replace("m", "-\nm", 1),
            text.replace("u", "u\u0308", 1),
            text[:at] + rng.choice("abjkx1é-\u00ad ") + text[at:],
            text[:at] + text[at + 1 :],
            " ".join([*words[:long], swapped, *words[long + 1 :]]),
        ]
    )


def exact(passages: list[Passage]) -> list[list[str]]:
    """Return groups as they are without the quick test, by comparing each passage with all groups."""
    found: list[tuple[Group, list[str]]] = []
    for each in passages:
        new = Group(each, len(found))
        same = [members for group, members in found if group.key == new.key]
        alike = [members for group, members in found if new.is_misread(group)]
        if same or alike:
            (same or alike)[0].append(each.text)
        else:
            found.append((new, [each.text]))
    return [members for _, members in found]


@pytest.mark.parametrize("kind", ["prose", "code"])
def test_groups_are_those_of_the_words(kind: str) -> None:
    rng = random.Random(11)
    grouped = 0
    for _ in range(ROUNDS):
        texts = [text for pair in rng.sample([*PAIRS["same"][:8], *PAIRS["other"][-6:]], 3) for text in pair]
        passages = [passage(edited(text, rng) if n else text, kind=kind) for text in texts for n in range(3)]
        groups = Groups()
        for each in passages:
            groups.add(each)
        found = [[group.first.text, *(other.text for other in group.others)] for group in groups.found]
        assert found == exact(passages)
        grouped += len(passages) - len(found)
    assert grouped > ROUNDS


def test_most_words_is_never_too_few() -> None:
    rng = random.Random(12)
    for _ in range(300):
        text = "".join(rng.choices("abcXY123 \n\t.,-$%|é数", k=rng.randrange(1, 60)))
        for kind in ("prose", "code"):
            assert len(words_of(passage(text, kind=kind, heading_path=("A b-c", "2.1")))) <= most_words(
                [text, "A b-c", "2.1"]
            )


def test_texts_of_other_words_are_told_apart_by_their_letters() -> None:
    one = Letters("The backup of the database runs every night, and is kept for thirty days in another building.", 1)
    assert not one.may_agree_with(
        Letters("Whoever books a flight or a car by hand waives the price of the framework.", 1)
    )
    assert one.may_agree_with(
        Letters("backup of database runs every night; and is kept for thirty-days in another bulding", 1)
    )
