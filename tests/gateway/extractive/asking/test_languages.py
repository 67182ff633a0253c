"""Questions in scripts without blanks, and in French and Spanish."""

import pytest

from gateway.extractive.ranking import content_terms, fold, is_french, is_german, words
from gateway.extractive.terms.asked import kinds_of
from state.evidence_block import EvidenceItem
from tests.gateway.extractive.test_extractive import analyse

CITY = EvidenceItem(
    alias="E1", title="港町", text="港町は南の海にある。港町の人口は約1400人です。面積は21平方キロメートルです。"
)
SCHOOL = EvidenceItem(alias="E2", title="海洋学校", text="海洋学校成立于1898年。海洋学校位于南区。它的图书馆很大。")


@pytest.mark.parametrize(
    ("question", "sentence"),
    [("港町の人口は？", "港町の人口は約1400人です。"), ("海洋学校在哪里？", "海洋学校位于南区。")],
)
def test_a_question_in_japanese_or_chinese_is_answered(question, sentence):
    assert sentence in [finding.statement for finding in analyse([CITY, SCHOOL], question).findings]


def test_what_no_passage_has_stays_open_in_japanese_too():
    assert analyse([CITY, SCHOOL], "火星の衛星はいくつですか？").findings == []


def test_words_of_scripts_without_blanks_are_pairs_without_particles_and_question_words():
    assert words("港町の人口は") == ["港町", "町の", "の人", "人口", "口は"]
    assert content_terms("港町の人口は何人ですか？") == ["港町", "人口"]
    assert words("Müller's 港 x港町") == ["muller", "港", "x", "港町"]
    assert fold("ダム") == "ダム"
    assert fold("École") == "ecole"


def test_a_language_is_told_by_its_function_words():
    assert is_french("Quel est le prix du billet ?")
    assert not is_french("Where is the Tour de France?")
    assert is_german("Wo ist der Hafen?")
    assert content_terms("¿Cuándo abre el museo de la ciudad?") == ["abr", "museo", "ciudad"]
    assert content_terms("Quel est le prix du billet ?") == ["prix", "billet"]


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("Quand ouvre le musée ?", "when"),
        ("¿Cuándo abre el museo?", "when"),
        ("港町はいつできましたか？", "when"),
        ("学校是哪一年成立的？", "when"),
        ("Combien coûte un billet ?", "number"),
        ("¿Cuántos barcos hay?", "number"),
        ("船は何台ありますか？", "number"),
        ("¿Quién dirige el museo?", "who"),
        ("Pourquoi le musée est-il fermé ?", "cause"),
    ],
)
def test_what_is_asked_for_in_other_languages(question, kind):
    assert kind in kinds_of(question)
