"""What the guard of personal data costs grows with the length of a text, whatever stands in it."""

import asyncio
import queue
import threading

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy import PersonalDataGuard, Stage, pii
from policy.pii import find_personal_data
from policy.recognisers import pieces as module
from policy.recognisers.pieces import MARGIN, PIECE, in_pieces, pieces
from settings.personal_data import PersonalDataSettings
from state.values import Mask

MEGABYTE = 1_000_000
HOSTILE = {
    "digits": "7", "groups": "12 34 56 78 90 ", "trunk": "030 123 456 78,", "mails": "a@", "dots": "1.", "colons": "1:",
    "brackets": "(123) ", "thai": "๑๒๓ ๔๕๖ ", "phones": "phone 030 123 456 78 ", "names": "1 Aa ", "capitals": "W",
}  # fmt: skip


@pytest.mark.parametrize("length", [0, 1, PIECE, PIECE + MARGIN, PIECE + MARGIN + 1, 10 * PIECE, MEGABYTE])
def test_every_character_belongs_to_one_piece_and_is_read_twice_at_most(length):
    cut = list(pieces("x" * length))
    assert [first for _, first, _, _ in cut] == [0, *(last for _, _, last, _ in cut)][: len(cut)]
    assert max([last for _, _, last, _ in cut], default=0) == length
    assert all(len(read) <= PIECE + 2 * MARGIN for *_, read in cut)
    assert sum(len(read) for *_, read in cut) <= 1.4 * length


@given(st.lists(st.sampled_from(["jane@example.org", " ", "x" * 300, "\n", "4111 1111 1111 1111 "]), max_size=60))
def test_pieces_change_nothing_of_what_is_found(parts):
    text = "".join(parts)

    def find(read: str) -> list[Mask]:
        places = [(at, "jane@example.org") for at in range(len(read)) if read.startswith("jane@example.org", at)]
        return [Mask(start=at, end=at + len(what), kind="X") for at, what in places]

    assert in_pieces([find], text) == find(text)


@pytest.mark.parametrize("name", HOSTILE)
def test_no_recogniser_gets_more_than_a_piece_at_a_time(name, monkeypatch):
    sizes = []
    original = module.pieces

    def watched(text):
        for cut in original(text):
            sizes.append(len(cut[3]))
            yield cut

    monkeypatch.setattr(module, "pieces", watched)
    text = (HOSTILE[name] * MEGABYTE)[: 20 * PIECE]
    find_personal_data(text)
    assert max(sizes) <= PIECE + 2 * MARGIN
    assert sum(sizes) <= 1.4 * len(text)


def test_a_guard_that_was_given_up_reads_no_further():
    given_up, read = threading.Event(), []

    def find(text: str) -> list[Mask]:
        read.append(text)
        given_up.set()
        return []

    in_pieces([find], "x" * MEGABYTE, given_up)
    assert len(read) == 1


async def test_a_check_that_is_cancelled_gives_its_thread_up(monkeypatch):
    begun, seen = threading.Event(), queue.SimpleQueue()

    def slow(text, kinds, settings, given_up):
        begun.set()
        seen.put(given_up.wait(20))
        return []

    monkeypatch.setattr(pii, "_found", slow)
    task = asyncio.create_task(PersonalDataGuard(PersonalDataSettings()).check("text", Stage.ANSWER))
    await asyncio.to_thread(begun.wait, 20)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(seen.get, timeout=20)


@pytest.mark.parametrize("name", ["digits", "groups", "trunk", "brackets", "thai", "phones"])
def test_the_number_plans_are_asked_in_proportion_to_the_text(name, monkeypatch):
    asked = []
    valid = phonenumbers.is_valid_number
    monkeypatch.setattr(phonenumbers, "is_valid_number", lambda number: asked.append(number) or valid(number))

    def questions(length: int) -> int:
        asked.clear()
        find_personal_data((HOSTILE[name] * length)[:length], ("PHONE_NUMBER",))
        return len(asked)

    short, long = questions(PIECE), questions(10 * PIECE)
    assert short <= PIECE / 5
    assert long <= 11 * (short + 1) * 1.4
