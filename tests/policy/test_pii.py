import json
from collections import Counter
from pathlib import Path

import pytest

from policy import Action, PersonalDataGuard, Stage
from policy.pii import find_personal_data
from policy.pii_actions import judged
from settings import load_settings
from settings.personal_data import PersonalDataSettings
from state.errors import SettingsInvalid
from state.values import Mask

PRESIDIO = Path(__file__).parents[3] / "shared" / "data" / "pii" / "presidio" / "synth_v2.jsonl"
RECALL = {
    "CREDIT_CARD": 0.95, "EMAIL_ADDRESS": 0.98, "IBAN_CODE": 0.9, "IP_ADDRESS": 0.98,
    "PHONE_NUMBER": 0.9, "STREET_ADDRESS": 0.6, "US_SSN": 0.85,
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
        "order 4155552671", "(131072", "53453732241747", "on 02-22-2023", "0.2054443359375", "pkg@1.2.3",
        "std::vector at 127.0.0.1", "4111 1111 1111 1112", "ORA-00942 and ORA-12154", "version 19.21.0.0.0",
        "Oracle Database 19.3.0.0", "v23.26.1", "2026-11-27T13:04:34Z", "between 2023-01-13 and 2024-02-14",
        "0123-4567-89ab-cdef", "sha256:00112233445566", "01234567-0123-4567-8901-234567890abc",
        "doi:10.1002/14651858", "PMID 12345678", "cell lines PD 0332991 and H1299", "ISBN 978-3-16-148410-0",
        "12 345 678 rows", "1 234 567 calls", "system call 2147483647000", "0.012 0.345 0.678", "pages 1021-1034",
        "E-Business Suite 12", "January 1", "Table 3 on Page 4", "Oracle Database 23", "under Way", "10 GB of Memory",
        "Street Fighter 2", "3 Steps", "EC 1.14.16.2",
        "Speicherplatz 500 GB", "Arbeitsplatz 12", "Lösungsweg 2", "100 Million Row table", "see section 12.3.4.5",
        "Chapter 5.1.2.3 of",
        "fingerprint 35:67:25:90:89:87:45:78:01:02:03:04:05:06:07:08", "the address: 0x7fff5fbff8c0",
    ],
)  # fmt: skip
def test_what_only_looks_like_personal_data_stays(text):
    assert find_personal_data(text) == ()


@pytest.mark.parametrize(
    "number",
    [
        "+49 (0)30 1234-5678", "0049 30 12345678", "001-253-366-9781", "(415) 555-2671", "415.555.2671",
        "1-415-555-2671", "345-899-3560x4587", "030 901820", "0171/3920000", "07700 900123", "020 7946 0958",
        "01 42 68 53 00", "01.42.68.53.00", "+44 20 7946 0958 ext. 12", "+٤٤ ٢٠ ٧٩٤٦ ٠٩٥٨",
    ],
)  # fmt: skip
def test_international_and_national_numbers_are_found_whole(number):
    assert found(f"see {number}, please", "PHONE_NUMBER") == [number]


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("Phone: 451 5986", ["451 5986"]),
        ("Can someone call me on 9472 7916?", ["9472 7916"]),
        ("Mobile:\n723 813 266", ["723 813 266"]),
        ("(37) 788-063-Office", ["(37) 788-063"]),
        ("416 60 039 office", ["416 60 039"]),
        ("Tel. 912 345 678, móvil 612 345 678", ["912 345 678", "612 345 678"]),
        ("téléphone 451 59 86", ["451 59 86"]),
        ("Rufnummer: 4711 0815", ["4711 0815"]),
        ("phone 0490 75 40 81 0490 39 07 82", ["0490 75 40 81 0490 39 07 82"]),
    ],
)
def test_a_word_makes_a_local_number_one_of_a_phone(text, numbers):
    assert found(text, "PHONE_NUMBER") == numbers


def test_national_numbers_are_those_of_the_regions_that_are_set():
    british = PersonalDataSettings(phone_regions=("GB",))
    assert find_personal_data("see 020 7946 0958", ("PHONE_NUMBER",), british)
    assert not find_personal_data("see 01 42 68 53 00 00", ("PHONE_NUMBER",), british)
    assert not find_personal_data("see 415-555-2671", ("PHONE_NUMBER",), british)
    with pytest.raises(SettingsInvalid, match="'UK'") as raised:
        PersonalDataGuard(PersonalDataSettings(phone_regions=("UK",)))
    assert "GB" in raised.value.hint


@pytest.mark.parametrize(
    "address",
    [
        "1600 Pennsylvania Avenue", "221B Baker Street, London NW1 6XE",
        "742 Evergreen Terrace, Springfield, IL 62704", "10 Downing St", "500 Oracle Parkway, Suite 100",
        "Hauptstraße 5, 10115 Berlin", "Villacher Strasse 89", "D-10115 Berlin", "33 avenue de Provence, 75009 Paris",
        "12 bis, rue de l'Église", "Calle de Alcalá, 45, 28014 Madrid", "Avda. Rio Nalon 58", "Via Roma 12",
        "Keizersgracht 174", "P.O. Box 4711", "PSC 5217, Box 4854", "FPO AA 68422", "692 Kuuse 53 Apt. 641",
    ],
)  # fmt: skip
def test_street_addresses_are_found_whole(address):
    assert found(f"We met at {address}.", "STREET_ADDRESS") == [address]


def found(text, kind):
    return [text[mask.start : mask.end] for mask in find_personal_data(text, (kind,))]


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
        predicted = {(mask.start, mask.end, mask.kind) for mask in find_personal_data(row["text"])}
        gold = {(span["start"], span["end"], span["type"]) for span in row["spans"]}
        for span in gold:
            (found if any(overlap(span, other) for other in predicted) else missed)[span[2]] += 1
        false.update(span[2] for span in predicted if not any(overlap(span, other) for other in gold))
    for kind, least in RECALL.items():
        assert found[kind] / (found[kind] + missed[kind]) >= least, kind
        assert found[kind] / (found[kind] + false[kind]) >= 0.9, kind


def overlap(one, other):
    return one[2] == other[2] and one[0] < other[1] and other[0] < one[1]
