"""Web and mail addresses in a text."""

from __future__ import annotations

import pytest

from state.addresses import address_key, address_spans, addresses_in, is_safe

MANY = 300_000


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (
            "See https://docs.example.com/a, or me@example.org.",
            ["https://docs.example.com/a", "me@example.org"],
        ),
        ("Open javascript:alert(1) now", ["javascript:alert(1)"]),
        ("JavaScript: the good parts", []),
        ("(see www.example.com/a_(b))", ["www.example.com/a_(b)"]),
        ("-evil.com, x:-evil.com and /-evil.com", ["evil.com"] * 3),
        ("a-.b.com and e.g. this", []),
        ("no address at all", []),
    ],
)
def test_addresses_are_found_without_the_punctuation_around_them(text: str, found: list[str]) -> None:
    assert [text[start:end] for start, end in address_spans(text)] == found


# Each of these took a time that grew with the square of the length: hours for a text of this size.
@pytest.mark.parametrize(
    "text",
    [
        "a" * MANY + ".",
        "a-" * MANY + ".",
        "a." * MANY,
        "-a.a" * MANY,
        "a+" * MANY + "@",
        "www.x" + ")" * MANY,
        "https://a.b/" + ".)" * MANY,
        "a@b" * MANY,
    ],
    ids=range(8),
)
def test_a_long_text_without_an_end_is_read_in_one_pass(text: str) -> None:
    assert len(address_spans(text)) <= 1


def test_the_addresses_of_a_passage_are_found_once() -> None:
    addresses_in.cache_clear()
    for _ in range(3):
        assert addresses_in("See https://www.Docs.example.com/a/.") == {"docs.example.com/a"}
    assert addresses_in.cache_info().misses == 1


def test_spellings_of_one_address_have_one_key_and_only_plain_ones_are_safe() -> None:
    assert address_key("HTTP://www.Example.com/A/") == address_key("example.com/A") != address_key("example.com/a")
    assert is_safe("https://example.com/a")
    assert not is_safe("javascript:alert(1)")
    assert not is_safe("example.com")
