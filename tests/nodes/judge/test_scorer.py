"""The local scorer: what raises a claim's score, what forbids to call it supported, and where it decides nothing."""

from __future__ import annotations

import json

import pytest

from nodes.checks import Cited
from nodes.checks.aligned import names
from nodes.judge import scorer as module
from nodes.judge.cases import scored
from nodes.judge.features import FEATURES, Rarity, read
from nodes.judge.flaws import flawed
from nodes.judge.scorer import local_scorer, rarity_of
from state.errors import DependencyUnavailable
from state.values import ClaimFault, Support
from tests.nodes.judge.helpers import case, cases_of

SAID = (
    "The backup service copies every database to the second region each night. "
    "A copy that is older than ninety days is deleted from the second region. "
    "Restoring a database from a copy takes two hours and needs the role of an operator."
)


def likely(claim: str, text: str = SAID) -> float:
    score = local_scorer().score(claim, [Cited(text)])
    assert score is not None
    return score.probability


def supported(claim: str, text: str = SAID) -> bool:
    score = local_scorer().score(claim, [Cited(text)])
    return score is not None and score.supported


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        (
            "Each night the service copies every database to another region.",
            "Each night every user changes a password.",
        ),
        ("A copy older than ninety days is deleted.", "A copy older than thirty days is deleted."),
        ("Restoring a database takes two hours.", "Restoring a database from Frankfurt takes two hours."),
        (
            "Restoring a database takes two hours.",
            "Restoring a database takes two hours and locks all other tenants out.",
        ),
        ("The service copies every database.", "The service does not copy any database."),
    ],
)
def test_a_claim_that_its_passage_carries_scores_higher_than_one_that_it_does_not(better: str, worse: str) -> None:
    assert likely(better) > likely(worse)


def test_a_paraphrase_in_the_words_of_its_source_is_supported() -> None:
    assert supported("The backup service copies every database to the second region nightly.")


@pytest.mark.parametrize(
    ("claim", "text"),
    [
        ("Copies of the database are kept for ever.", "Nobody knows how long copies of the database are kept."),
        ("The second region copies every database to the backup service each night.", SAID),
        ("The limit rises in the second region.", "The limit falls in the second region on Monday."),
        ("The free tier was lifted to 900 requests.", "Callers report that the free tier was lifted to 900 requests."),
        ("The free tier holds 900 requests.", "The free tier holds 900 requests unless the contract is older."),
        ("All keys of the tier are rotated monthly.", "Keys of the tier are rotated monthly by the service."),
        ("The last key of the tier is rotated monthly.", "The first key of the tier is rotated monthly by it."),
        ("The free tier holds 900 requests.", "The free tier holds 60 requests. The large tier holds 900 requests."),
        ("Nodes ignore the header of a call.", 'Write "nodes ignore the header of a call" and close the summary.'),
    ],
)  # fmt: skip
def test_the_same_words_in_another_sense_are_not_called_supported(claim: str, text: str) -> None:
    assert not supported(claim, text)


def test_words_of_titles_and_denied_items_carry_nothing() -> None:
    text = "These myths are wrong:\n\n- The backup service copies every database to the second region nightly."
    assert not supported("The backup service copies every database to the second region each night.", text)
    title = Cited("It is described below how this is done by hand.", ("The backup service copies every database",))
    score = local_scorer().score("The backup service copies every database.", [title])
    assert score is not None
    assert score.probability < 0.5


def test_other_languages_and_claims_without_words_have_no_score() -> None:
    german = "Der Dienst kopiert jede Nacht alle Datenbanken in die zweite Region und löscht die alten."
    assert local_scorer().score("Jede Nacht werden die Datenbanken kopiert.", [Cited(german)]) is None
    assert local_scorer().score("It is so.", [Cited(SAID)]) is None
    assert local_scorer().score("The service copies every database.", [Cited("# A heading")]) is None


def test_features_do_not_change_when_the_passage_gets_longer_by_something_else() -> None:
    claim, rarity = "A copy older than ninety days is deleted.", local_scorer().rarity
    longer = f"{SAID} {'The kitchen serves soup on Mondays. ' * 40}"
    assert read(claim, [Cited(SAID)], rarity) == read(claim, [Cited(longer)], rarity)


def test_a_rare_stem_tells_more_than_a_common_one_and_an_unknown_one_most() -> None:
    rarity = Rarity({f"s{rank}": rank for rank in range(100)})
    weights = [rarity.of(stem) for stem in ("s0", "s50", "s99", "unseen")]
    assert weights == sorted(weights)
    assert weights[0] == pytest.approx(0.15)
    assert weights[2] == pytest.approx(1.0, abs=0.01)
    assert rarity_of("b a").of("b") < rarity_of("b a").of("a")


def test_names_are_words_with_a_capital_that_do_not_begin_the_claim() -> None:
    assert names("Oracle's office in Redwood Shores, the Bay's largest.") == {"redwoo", "shore", "bay"}


def test_a_claim_without_a_judge_gets_a_score_and_is_never_rejected_by_it() -> None:
    foreign = scored(case("The Falcon project changed the world of sailing [E1]."))
    assert (foreign.verdict, foreign.fault) == (Support.UNVERIFIED, None)
    assert foreign.score is not None
    assert foreign.score < 0.5
    verbatim = scored(case("The Falcon project started in 2019 [E1]."))
    assert (verbatim.verdict, verbatim.score) == (Support.SUPPORTED, 1.0)
    failed = scored(case("The Falcon project began in 2011 [E1]."))
    assert (failed.fault, failed.score) == (ClaimFault.NUMBER, None)


def test_a_supported_paraphrase_cites_what_carries_it() -> None:
    found = scored(case("The Falcon project has started in 2019 [E1]."))
    assert found.verdict is Support.SUPPORTED
    assert [quote.quote for quote in found.citations] == ["The Falcon project started in 2019."]


def test_a_claim_that_points_back_is_not_called_supported() -> None:
    claims = [
        *map(
            scored,
            cases_of("The Falcon project has started in 2019 [E1]. This Falcon project has started in 2019 [E1]."),
        )
    ]
    assert [claim.verdict for claim in claims] == [Support.SUPPORTED, Support.UNVERIFIED]


def test_a_small_word_that_both_have_is_no_flaw() -> None:
    assert not flawed("Keys expire unless they are renewed.", ["Keys expire unless the owner renewed them."])


def test_the_checked_in_file_is_complete_and_a_foreign_one_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path
) -> None:
    found = local_scorer()
    assert len(found.weights) == len(FEATURES)
    assert 0.5 < found.supported_at < 1
    by_name = dict(zip(FEATURES, found.weights, strict=True))
    assert min(by_name["covered"], by_name["together"]) > 0 > max(by_name["gap"], by_name["numbers_missing"])
    for stored in ("{", json.dumps({"format": 0, "weights": {}})):
        (tmp_path / module.DATA).write_text(stored, encoding="utf-8")
        monkeypatch.setattr(module, "files", lambda _: tmp_path)
        with pytest.raises(DependencyUnavailable, match=r"support\.json"):
            local_scorer.__wrapped__()
