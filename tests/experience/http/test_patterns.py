"""Every regular expression engine reads the published patterns in the same way."""

from __future__ import annotations

import re

import pytest
from pydantic import TypeAdapter, ValidationError

from experience.http.bodies import WORD, Question
from experience.http.openai_problems import speaks_openai
from policy import Action, Stage
from policy.limits import LimitsGuard
from tests.experience.http.conftest import chat

CHARACTERS = [chr(code) for code in range(0x20, 0x33000) if not 0xD800 <= code <= 0xDFFF]
IN_PYTHON = {character for character in CHARACTERS if re.fullmatch(f"[{WORD}]", character)}


def accepted(text: str) -> bool:
    try:
        TypeAdapter(Question).validate_python(text)
    except ValidationError:
        return False
    return True


def test_the_validator_and_python_accept_the_same_characters() -> None:
    adapter = TypeAdapter(Question)
    accepted_by_the_validator = set()
    for character in CHARACTERS:
        try:
            adapter.validate_python(character)
        except ValidationError:
            continue
        accepted_by_the_validator.add(character)
    assert accepted_by_the_validator == IN_PYTHON


async def test_the_guard_takes_no_accepted_character_for_an_empty_question() -> None:
    guard = LimitsGuard(8_000)
    refused = [each for each in IN_PYTHON if (await guard.check(each, Stage.QUESTION)).action is Action.REFUSE]
    assert refused == []


SCRIPTS = [
    "Wie hoch ist Tarif A?",
    "価格は?",
    "цена",
    "कीमत",
    "السعر",
    "가격",
    "τιμή",
    "ราคา",
    "7",
    "々",
    "𞤀𞤣𞤤𞤢𞤥",
    "𑄌𑄋𑄴𑄟𑄳𑄦",
    "𠀋𠂉",
]


@pytest.mark.parametrize("text", SCRIPTS)
def test_questions_in_any_script_are_accepted(text: str) -> None:
    assert accepted(text)


@pytest.mark.parametrize("text", ["", " ", "?!", "¾", "\u200b\u2060", "\u3000", "…", "\u115f", "👍", "a\x00b"])
def test_texts_without_letters_and_digits_or_with_control_characters_are_refused(text: str) -> None:
    assert not accepted(text)


async def test_the_service_refuses_a_character_on_which_engines_disagreed(ann) -> None:
    answer = await ann.post("/v1/chat", json=chat("¾"))
    assert answer.status_code == 422


@pytest.mark.parametrize("path", ["/v1/models/a\n", "/v1/models/a/b", "/v1/chat/completions"])
def test_every_path_of_openai_gets_its_errors(path) -> None:
    assert speaks_openai(path)
