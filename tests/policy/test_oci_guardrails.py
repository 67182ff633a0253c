"""OCI Guardrails' report becomes a verdict; a report that lacks what was asked for counts as no answer."""

import pytest

from policy import Action, Stage
from policy.oci_guardrails import OCIGuardrailsGuard
from settings.policy import PolicySettings
from state.errors import GuardUnavailable
from state.values import Mask

TEXT = "write to ann@example.com"
EMAIL = {"offset": 9, "length": 15, "label": "EMAIL"}


def report(overall=0.0, blocklist=0.0, injection=0.0, personal=()):
    categories = [{"name": "OVERALL", "score": overall}, {"name": "BLOCKLIST", "score": blocklist}]
    return {
        "contentModeration": {"categories": categories},
        "promptInjection": {"score": injection},
        "personallyIdentifiableInformation": list(personal),
    }


async def verdict(results, stage=Stage.QUESTION, text=TEXT, **settings):
    asked = []

    async def apply(given):
        asked.append(given)
        return results

    found = await OCIGuardrailsGuard(apply, PolicySettings(**settings)).check(text, stage)
    assert asked == [text]
    return found


@pytest.mark.parametrize("stage", Stage)
async def test_a_clean_report_allows(stage):
    assert (await verdict(report(), stage)).action is Action.ALLOW


@pytest.mark.parametrize("stage", Stage)
@pytest.mark.parametrize("scores", [{"overall": 1.0}, {"blocklist": 1.0}])
async def test_any_unsafe_category_refuses_at_every_stage(stage, scores):
    found = await verdict(report(**scores), stage)
    assert (found.action, found.policy, found.category) == (Action.REFUSE, "oci_guardrails", "unsafe_content")


async def test_an_injection_refuses_questions_and_evidence_and_not_answers():
    found = {stage: await verdict(report(injection=1.0), stage) for stage in Stage}
    assert {stage: each.action for stage, each in found.items()} == {
        Stage.QUESTION: Action.REFUSE,
        Stage.EVIDENCE: Action.REFUSE,
        Stage.ANSWER: Action.ALLOW,
    }
    assert found[Stage.QUESTION].category == "prompt_injection"


async def test_a_score_of_one_half_is_not_flagged():
    assert (await verdict(report(overall=0.5, injection=0.5))).action is Action.ALLOW


@pytest.mark.parametrize("stage", [Stage.QUESTION, Stage.ANSWER])
async def test_personal_data_is_redacted_where_it_stands_and_never_quoted(stage):
    found = await verdict(report(personal=[EMAIL]), stage)
    assert (found.action, found.category) == (Action.REDACT, "personal_data")
    assert found.spans == (Mask(start=9, end=24, kind="EMAIL_ADDRESS"),)
    assert TEXT[9:24] == "ann@example.com"
    assert "EMAIL" in found.reason
    assert "ann" not in found.reason


@pytest.mark.parametrize(("action", "expected"), [("refuse", Action.REFUSE), ("allow", Action.ALLOW)])
async def test_the_action_for_personal_data_is_configured(action, expected):
    assert (await verdict(report(personal=[EMAIL]), personal_data={"default": action})).action is expected


async def test_personal_data_in_evidence_passes():
    assert (await verdict(report(personal=[EMAIL]), Stage.EVIDENCE)).action is Action.ALLOW


async def test_a_label_that_is_missing_still_masks():
    found = await verdict(report(personal=[{"offset": 0, "length": len(TEXT)}]))
    assert found.spans == (Mask(start=0, end=len(TEXT), kind="PERSONAL_DATA"),)


@pytest.mark.parametrize("text", ["", " \n"])
async def test_an_empty_text_is_not_sent(text):
    async def apply(given):
        raise AssertionError(given)

    assert (await OCIGuardrailsGuard(apply, PolicySettings()).check(text, Stage.QUESTION)).action is Action.ALLOW


PLACES = [
    {}, "x", {"offset": 0}, {"length": 3}, {"offset": "0", "length": 3}, {"offset": 0, "length": "3"},
    {"offset": -1, "length": 3}, {"offset": 0, "length": 0}, {"offset": 5, "length": -1},
    {"offset": 0, "length": len(TEXT) + 1},
]  # fmt: skip
INCOMPLETE = [
    {},
    {**report(), "contentModeration": None},
    {**report(), "contentModeration": {"categories": "OVERALL"}},
    {**report(), "contentModeration": {"categories": [{"name": "BLOCKLIST", "score": 0.0}]}},
    {**report(), "contentModeration": {"categories": [{"name": "OVERALL"}]}},
    {**report(), "promptInjection": None},
    {**report(), "promptInjection": [0.0]},
    {**report(), "personallyIdentifiableInformation": None},
    *[report(overall=score) for score in (True, "0.0", None, -0.1, 1.1, float("nan"))],
    *[report(injection=score) for score in (False, "0.0", None, -1, 2)],
    *[report(personal=[place]) for place in PLACES],
]


@pytest.mark.parametrize("results", INCOMPLETE, ids=range(len(INCOMPLETE)))
async def test_a_report_that_lacks_what_was_asked_for_is_no_answer(results):
    with pytest.raises(GuardUnavailable):
        await verdict(results)
