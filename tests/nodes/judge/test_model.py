"""The model judge: batches, verdicts read with tolerance, and judges that misbehave."""

from __future__ import annotations

from nodes.judge.cases import Case
from nodes.judge.model import VERDICT_TOKENS, Judged, _read, _tell_of, batched, known, read_verdict, to_judge
from state.roles import ClaimVerdict
from state.values import JudgedClaim, Support
from tests.nodes.judge.helpers import case, cases_of

CLAIMS = "Falcon began in 2019 [E1]. Heron was over by 2021 [E2]. Tariff B is dearer than Tariff A [E3]."
CASES = cases_of(CLAIMS, judged=True)


def verdict(claim: str, said: Support = Support.SUPPORTED, *by: str) -> ClaimVerdict:
    return ClaimVerdict(claim=claim, verdict=said, carried_by=list(by), reason="because")


def read(*given: ClaimVerdict, cases: list[Case] = CASES) -> Judged:
    judged = Judged()
    _read(given, cases, judged)
    _tell_of(cases, judged)
    return judged


def kinds(judged: Judged) -> list[str]:
    return [event.kind for event in judged.events]


def test_the_judge_sees_claim_context_and_quotes_with_ids() -> None:
    shown = to_judge(CASES[1])
    assert (shown.id, shown.text, shown.context) == ("c2", "Heron was over by 2021.", "Falcon began in 2019.")
    assert [quote.id for quote in shown.quotes] == [f"c2{letter}" for letter in "abc"[: len(shown.quotes)]]
    assert {quote.evidence for quote in shown.quotes} == {"E2"}
    assert {quote.source for quote in shown.quotes} == {"Heron"}
    assert shown.quotes[0].quote == "The Heron project ended in 2021."


def test_carried_by_names_quotes_by_id_or_alias_in_any_case() -> None:
    assert read_verdict(CASES[0], verdict("c1", Support.SUPPORTED, "c1a")).carried == (0,)
    assert read_verdict(CASES[0], verdict("c1", Support.SUPPORTED, "[C1A]")).carried == (0,)
    everything = tuple(range(len(CASES[0].candidates)))
    assert read_verdict(CASES[0], verdict("c1", Support.SUPPORTED, "E1")).carried == everything


def test_support_by_no_quote_is_unverified_unless_there_is_but_one() -> None:
    assert len(CASES[0].candidates) > 1
    assert read_verdict(CASES[0], verdict("c1")).verdict is Support.UNVERIFIED
    assert read_verdict(CASES[0], verdict("c1", Support.SUPPORTED, "c2a", "nonsense")).verdict is Support.UNVERIFIED
    single = Case(CASES[0].claim, CASES[0].candidates[:1])
    assert read_verdict(single, verdict("c1")).carried == (0,)
    assert read_verdict(single, verdict("c1", Support.SUPPORTED, "c9a")).verdict is Support.UNVERIFIED


def test_quotes_named_by_a_judge_that_does_not_support_count_for_nothing() -> None:
    assert read_verdict(CASES[0], verdict("c1", Support.UNSUPPORTED, "c1a")).carried == ()


def test_a_judge_that_answers_for_other_claims_is_ignored_and_told() -> None:
    judged = read(verdict("c1", Support.SUPPORTED, "c1a"), verdict("c7"), verdict("c8"))
    assert set(judged.verdicts) == {"c1"}
    assert kinds(judged) == ["judge_off_topic", "judge_silent"]
    assert judged.events[1].detail == "no verdict on 2 of 3 claims, which are unverified"


def test_two_verdicts_on_one_claim_are_none_and_two_equal_ones_are_one() -> None:
    judged = read(verdict("c1", Support.SUPPORTED, "c1a"), verdict("c1", Support.UNSUPPORTED), cases=CASES[:1])
    assert judged.verdicts == {}
    assert kinds(judged) == ["judge_unclear"]
    again = read(verdict("c1", Support.SUPPORTED, "c1b"), verdict("c1", Support.SUPPORTED, "c1a"), cases=CASES[:1])
    assert again.verdicts["c1"].carried == (0, 1)


def test_judges_that_tell_nothing_apart_are_told_of() -> None:
    ids = ["c1", "c2", "c3"]
    assert kinds(read(*(verdict(each, Support.UNSUPPORTED) for each in ids))) == ["judge_rejects_all"]
    assert kinds(read(*(verdict(each, Support.UNVERIFIED) for each in ids))) == ["judge_decides_nothing"]
    everything = [verdict(f"c{n}", Support.SUPPORTED, f"E{n}") for n in (1, 2, 3)]
    assert sum(len(case.candidates) for case in CASES) >= 6
    assert kinds(read(*everything)) == ["judge_accepts_all"]
    assert kinds(read(*everything[:2], verdict("c3", Support.SUPPORTED, "c3a"))) == []
    assert kinds(read(*everything[:2], verdict("c3", Support.CONTRADICTED))) == []


def test_one_part_is_enough_where_all_fits() -> None:
    assert [len(part) for part in batched(CASES, 100_000, 10_000)] == [3]


def test_claims_are_split_by_the_window_and_by_the_length_of_the_answer() -> None:
    sizes = [len(to_judge(each).model_dump_json()) for each in CASES]
    assert [len(part) for part in batched(CASES, max(sizes) + 10, 10_000)] == [1, 1, 1]
    assert [len(part) for part in batched(CASES, 100_000, 2 * VERDICT_TOKENS)] == [2, 1]
    assert [each.claim.id for part in batched(CASES, 100_000, 1) for each in part] == ["c1", "c2", "c3"]


def test_a_claim_that_is_too_long_alone_loses_quotes_and_one_that_never_fits_is_left_out() -> None:
    size = len(to_judge(CASES[0]).model_dump_json())
    (part,) = batched(CASES[:1], size - 20, 10_000)
    assert 0 < len(part[0].candidates) < len(CASES[0].candidates)
    assert batched(CASES[:1], 50, 10_000) == []
    assert batched([], 1_000, 1_000) == []


def test_a_verdict_is_known_again_while_claim_and_quotes_stay() -> None:
    before = {CASES[0].key: JudgedClaim(verdict=Support.SUPPORTED, carried=(0,))}
    assert set(known(CASES, before)) == {"c1"}
    assert known([case("Falcon began in 2020. [E2]")], before) == {}
