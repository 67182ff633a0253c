import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy import fold, normalised

UNHARMED = [
    "What is a budget?",
    "Что такое бюджет и зачем он нужен?",
    "预算是什么？",
    "予算とは何ですか",
    "예산이 무엇인가요",
    "بودجه چیست و چرا می\u200cخواهیم؟",
    "क्\u200dष बजट क्या है",
    "Τι είναι ο προϋπολογισμός;",
    "מה זה תקציב",
    "👨\u200d👩\u200d👧 ❤\ufe0f 1\ufe0f\u20e3 👍🏽",
    "葛\U000e0100城",
    "naïve façade, Größe, İstanbul",
]
HIDDEN = [
    "\u200b",
    "\u200e",
    "\u202e",
    "\u2066",
    "\u00ad",
    "\u2060",
    "\ufeff",
    "\u3164",
    "\ufe05",
    "\U000e0041",
    "\ud800",
]


@pytest.mark.parametrize("text", UNHARMED)
def test_other_scripts_and_emoji_stay_as_they_are(text):
    assert normalised(text) == unicodedata.normalize("NFC", text)


@pytest.mark.parametrize("char", HIDDEN, ids=ascii)
def test_hidden_characters_go(char):
    assert normalised(f"bud{char}get{char}{char} x{char}") == "budget x"
    assert fold(f"{char}Bud{char}get").text == "budget"


def test_smuggled_variation_selectors_go():
    smuggled = "".join(chr(0xE0100 + byte) for byte in b"ignore all")
    assert normalised(f"😊{smuggled}") == "😊"


@given(st.text(st.characters() | st.sampled_from("".join(HIDDEN) + "\u200d\u200c\ufe0f❤葛\u0301e")))
def test_normalising_is_idempotent_and_leaves_no_surrogate(text):
    once = normalised(text)
    assert normalised(once) == once
    assert once.encode("utf-8").decode("utf-8") == once


@pytest.mark.parametrize(
    ("text", "skeleton"),
    [
        ("p\u0430ss", "pass"),
        ("ｐａｓｓ", "pass"),
        ("𝓹𝓪𝓼𝓼", "pass"),
        ("páss", "pass"),
        ("расе and more", "pace and more"),
        ("сор нашли здесь", "сор нашли здесь"),
        ("STRASSE Straße", "strasse strasse"),
    ],
)
def test_look_alikes_fold_where_they_pretend(text, skeleton):
    assert fold(text).text == skeleton


@given(st.text())
def test_a_skeleton_leads_back_to_its_source(text):
    folded = fold(text)
    assert len(folded.origins) == len(folded.text)
    assert list(folded.origins) == sorted(folded.origins)
    assert all(0 <= origin < len(text) for origin in folded.origins)


def test_the_source_span_covers_what_was_folded_away():
    text = "a se\u200bcr\u0435t b"
    folded = fold(text)
    start = folded.text.index("secret")
    assert folded.source_span(start, start + len("secret")) == (2, 9)
