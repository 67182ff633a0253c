import json
from collections import Counter
from pathlib import Path

import pytest

from policy import Action, PersonalDataGuard, Stage
from policy.pii import find_personal_data
from policy.pii_actions import judged
from settings import load_settings
from settings.personal_data import KINDS, PersonalDataSettings
from state.errors import SettingsInvalid
from state.values import Mask

PRESIDIO = Path(__file__).parents[3] / "shared" / "data" / "pii" / "presidio" / "synth_v2.jsonl"
RECALL = {
    "CREDIT_CARD": 0.95, "EMAIL_ADDRESS": 0.98, "IBAN_CODE": 0.9, "IP_ADDRESS": 0.98,
    "PHONE_NUMBER": 0.6, "US_SSN": 0.85,
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("write to jane.roe@example.org", "EMAIL_ADDRESS"),
        ("card 4111 1111 1111 1111", "CREDIT_CARD"),
        ("IBAN DE89 3704 0044 0532 0130 00", "IBAN_CODE"),
        ("call +44 20 7946 0958", "PHONE_NUMBER"),
        ("call 4155552671", "PHONE_NUMBER"),
        ("SSN 536-22-1234", "US_SSN"),
        ("from 203.0.113.7", "IP_ADDRESS"),
        ("from 2001:db8:85a3::8a2e:370:7334", "IP_ADDRESS"),
        ("to 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "CRYPTO"),
    ],
)
async def test_personal_data_is_redacted_and_evidence_passes(text, kind):
    guard = PersonalDataGuard(PersonalDataSettings())
    verdict = await guard.check(text, Stage.ANSWER)
    assert verdict.action is Action.REDACT
    assert [span.kind for span in verdict.spans] == [kind]
    assert (await guard.check(text, Stage.EVIDENCE)).action is Action.ALLOW


@pytest.mark.parametrize(
    "text",
    [
        "order 4155552671",
        "(131072",
        "53453732241747",
        "on 02-22-2023",
        "0.2054443359375",
        "std::vector at 127.0.0.1",
        "pkg@1.2.3",
        "4111 1111 1111 1112",
    ],
)
def test_what_only_looks_like_personal_data_stays(text):
    assert find_personal_data(text, KINDS) == ()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("phone" + " " * 20 + "4155552671", True),
        ("phone" + " " * 60 + "4155552671", False),
        ("call  415  555  2671", False),
        ("x" * 39 + " call 4155552671", True),
    ],
)
def test_an_ungrouped_number_is_one_of_a_phone_only_near_a_word_that_says_so(text, found):
    assert bool(find_personal_data(text, ("PHONE_NUMBER",))) is found


@pytest.mark.parametrize(
    "number", ["2221000000000009", "3530111333300000", "213100000000001", "501800000009", "4000000000000000006"]
)
def test_cards_beyond_presidio_s_ranges_are_found(number):
    assert [mask.kind for mask in find_personal_data(f"card {number}.", ("CREDIT_CARD",))] == ["CREDIT_CARD"]


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "::1", "127.8.8.8", "999.1.1.1"])
def test_addresses_of_nobody_stay(address):
    assert find_personal_data(f"at {address} we", ("IP_ADDRESS",)) == ()


@pytest.mark.parametrize("stage", Stage)
@pytest.mark.parametrize("action", ["allow", "redact", "refuse"])
async def test_the_action_is_set_for_each_kind_and_stage(action, stage):
    kinds = {"email_address": {stage.value: action}, "IP_ADDRESS": "allow"}
    guard = PersonalDataGuard(PersonalDataSettings(default="redact", entities=kinds))
    mail, card, address = "jane@example.org", "4111 1111 1111 1111", "203.0.113.7"
    assert (await guard.check(f"{mail}", stage)).action is Action(action)
    assert (await guard.check(f"{address}", stage)).action is Action.ALLOW
    for other in Stage:
        told = await guard.check(f"{mail} {address} {card}", other)
        assert told.action is (Action.REFUSE if (action, other) == ("refuse", stage) else Action.REDACT)
        assert "IP_ADDRESS" not in told.reason


def test_a_kind_that_refuses_does_not_vanish_in_a_longer_one():
    settings = PersonalDataSettings(default="redact", entities={"EMAIL_ADDRESS": "refuse"})
    found = [Mask(start=0, end=30, kind="PHONE_NUMBER"), Mask(start=3, end=9, kind="EMAIL_ADDRESS")]
    assert judged("any", found, Stage.ANSWER, settings).action is Action.REFUSE
    assert judged("any", found[:1], Stage.ANSWER, settings).spans == (found[0],)
    assert judged("any", [], Stage.ANSWER, settings).action is Action.ALLOW


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"entities": {"EYE_COLOUR": "redact"}}, "EYE_COLOUR.*'EMAIL_ADDRESS'"),
        ({"entities": {"US_SSN": {"evening": "redact"}}}, "'evening': choose from question, evidence, answer"),
        ({"default": {"evening": "redact"}}, "'evening': choose from question, evidence, answer"),
        ({"entities": {"US_SSN": "shrug"}}, "'allow', 'redact' or 'refuse'"),
    ],
)
def test_a_setting_that_does_not_exist_names_those_that_do(given, told):
    with pytest.raises(SettingsInvalid, match=told):
        load_settings(policy={"personal_data": given})


@pytest.mark.skipif(not PRESIDIO.exists(), reason="Presidio's evaluation sentences are not here")
def test_precision_and_recall_on_presidios_sentences():
    found, missed, false = Counter(), Counter(), Counter()
    for line in PRESIDIO.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        predicted = {(mask.start, mask.end, mask.kind) for mask in find_personal_data(row["text"], KINDS)}
        gold = {(span["start"], span["end"], span["type"]) for span in row["spans"]}
        for span in gold:
            (found if any(overlap(span, other) for other in predicted) else missed)[span[2]] += 1
        false.update(span[2] for span in predicted if not any(overlap(span, other) for other in gold))
    for kind, least in RECALL.items():
        assert found[kind] / (found[kind] + missed[kind]) >= least, kind
        assert found[kind] / (found[kind] + false[kind]) >= 0.9, kind


def overlap(one, other):
    return one[2] == other[2] and one[0] < other[1] and other[0] < one[1]
