"""Numbers, units and dates in other words: no true paraphrase is rejected, and exchanged ones are caught."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodes.checks import Assertion, Cited, Examined, examine
from nodes.checks.numbers import Number, outside, read_numbers
from state.values import ClaimFault, Support

TRUE = [
    # number words
    (
        "The plan has sixteen seats at the desks.",
        "It has four and sixteen seats: four at the window, sixteen at desks.",
    ),
    ("The term runs to two hundred days.", "The term is between one hundred and two hundred days."),
    ("The firm was founded in 1999.", "The firm was founded in nineteen ninety-nine."),
    ("The firm has 150 workers.", "The firm has one hundred and fifty workers."),
    ("The firm has 2,300,005 shares.", "The firm has two million three hundred thousand and five shares."),
    ("A budget of 25 hundred dollars is set.", "A budget of two thousand five hundred dollars is set."),
    # parts and shares
    ("One in five users pays for the service.", "20 percent of the users pay for the service."),
    ("A share of 20 percent of users pays.", "One in five users pays for the service."),
    ("75 percent of requests fail.", "Three out of four requests fail."),
    ("Three out of four requests fail.", "Of all requests 75 percent fail."),
    ("Half of the 80 users pay.", "40 of the 80 users pay."),
    ("The price fell by a third, to 20 dollars.", "The price fell from 30 to 20 dollars."),
    ("Two fifths of the rows are empty.", "40 percent of the rows are empty."),
    ("The load doubled to 60 percent.", "The load rose from 30 to 60 percent."),
    ("7 in 10 teams use it.", "70% of the teams use it."),
    # mixed numbers and durations
    ("The guarantee lasts one and a half years.", "The guarantee lasts 18 months."),
    ("The guarantee lasts 18 months.", "The guarantee lasts one and a half years."),
    ("The guarantee lasts 18 months.", "The guarantee lasts a year and a half."),
    ("The job takes two and a half hours.", "The job takes 150 minutes."),
    ("The job takes 150 minutes.", "The job takes 2½ hours."),
    ("The job takes 90 minutes.", "The job takes 1:30 h."),
    ("The job takes 1:30 h.", "The job takes 90 minutes and begins at 14:00."),
    ("The job takes 1 h 30 min.", "The job takes 90 minutes."),
    ("The job takes 90 minutes.", "The job takes 1 h 30 min."),
    ("The job takes 90 seconds.", "The job takes one minute and thirty seconds."),
    ("The job takes 30 minutes.", "The job takes half an hour."),
    ("The job takes 45 minutes.", "The job takes three quarters of an hour."),
    ("Copies are made every 24 hours.", "Copies are made daily."),
    ("Copies are made every 12 hours.", "Copies are made twice a day."),
    ("Answers come within 60 minutes.", "Answers come within an hour."),
    ("Answers come within 14 days.", "Answers come within a fortnight."),
    ("Reports are due every 3 months.", "Reports are due quarterly."),
    ("Records are kept for 10 years.", "Records are kept for a decade."),
    ("The shop is open for 8 hours.", "The shop is open from 9:00 to 17:00."),
    ("The fair lasts 5 days.", "The fair runs from 2 June to 6 June 2026."),
    # dates
    ("The offer ends on 31 December 2026.", "The offer ends at the end of 2026."),
    ("The offer holds until the end of 2026.", "The offer holds until 31 December 2026."),
    ("The rule applies from 1 January 2027.", "The rule applies from the start of 2027."),
    ("The rule applies from the beginning of 2027.", "The rule applies from 1 January 2027."),
    ("The offer ends on 31 March 2026.", "The offer ends at the end of March 2026. It began on 4 May 2025."),
    ("It ended in the first quarter of 2026.", "It ended in February 2026."),
    ("It ended between January and March 2026.", "It ended in the first quarter of 2026."),
    ("It ended in Q1 2026.", "It ended on 12 February 2026."),
    ("The rule applies from 1 May 2026.", "The rule applies from the first of May 2026."),
    ("They met on May 12, 2026.", "They met on the twelfth of May 2026."),
    ("They met on 13 March 2026.", "They met the day after 12 March 2026."),
    ("They met on 19 March 2026.", "They met a week after 12 March 2026."),
    ("It came out in the 1990s.", "It came out in 1994."),
    ("The gate closes at 12:00.", "The gate opens at 8:30 and closes at noon."),
    ("The gate closes at midnight.", "The gate closes at 00:00."),
    ("The gate closes at 24:00.", "The gate opens at 8:30 and closes at midnight."),
    ("The gate closes at 17:00.", "The gate opens at 8:30 and closes at 5 o'clock."),
    ("The gate closes at 14:30.", "The gate opens at 8:30 and closes at half past two."),
    ("The work ran for five years.", "The work ran from 2019 to 2024."),
    # ordinals, ranges, versions, units
    ("It was the 3rd attempt.", "It was the third attempt."),
    ("The twentieth customer gets a cake.", "The 20th customer gets a cake."),
    ("Tickets cost 15-20 dollars.", "Tickets cost between fifteen and twenty dollars."),
    ("Ages from 30 to 39 are covered.", "Ages from 30 up to and including 39 are covered."),
    ("Version 3.11 or later is needed.", "It needs Python >= 3.11."),
    ("Release 2.4.1 mended it.", "It was mended in v2.4.1."),
    ("The pipe is 2.5 cm wide.", "The pipe is 25 mm wide."),
    ("The tank holds 1.5 litres.", "The tank holds 1500 ml."),
    ("The room is 20 °C warm.", "The room is 68 °F warm."),
    ("The car goes 100 km/h.", "The car goes 100 kilometres an hour."),
    ("The line carries 1 Gbit/s.", "The line carries 1000 Mbit/s."),
    ("The plan costs 120 dollars a year.", "The plan costs 10 dollars a month."),
    ("The plan costs $1.2 million.", "The plan costs 1,200,000 dollars."),
    ("Use at least 16 GB.", "Less than 16 GB is too little."),
    ("Fewer than 11 callers fit.", "At most 10 callers fit."),
    ("A dozen eggs cost 3 dollars.", "12 eggs cost 3 dollars."),
    ("The road is 5 kilometres long.", "The road is 5,000 m long."),
    ("Two pairs remain.", "Four remain."),
    ("The tower is a hundred times as high.", "The tower is 300 metres high, the hut 3 metres."),
    ("The 100 metre race took 10 seconds.", "The race of 100 m took ten seconds."),
    ("Latency is below 0.2 seconds.", "Latency is 180 ms."),
    ("Latency halved, from 400 to 200 ms.", "Latency is 200 ms now. It was 400 ms."),
    # multiples
    ("The fee doubles to 20 dollars.", "The fee is 10 dollars. It will be doubled in May."),
    ("The new limit is twice the old one, 1200 requests.", "The limit was 600 requests. It has been doubled."),
    ("The fee triples to 60 dollars.", "The fee is 20 dollars."),
    ("The pools hold 40 connections together.", "Both pools hold 20 connections each."),
    ("The pools hold 60 connections in total.", "The pools hold 20 connections each."),
    # ages, whole years
    ("Ada Lovelace died at 36.", "Ada Lovelace (10 December 1815 – 27 November 1852) was a mathematician."),
    ("He died at the age of 63.", "Johannes Brahms (1833–1897)"),
    ("It ends on 31 December 2026.", "The offer is valid in all of 2026."),
    ("It begins on 1 January 2026.", "The offer holds throughout the year 2026."),
    ("It ends on 31 May 2026.", "The offer is valid for the whole of May 2026."),
    # other languages, in few words
    ("The limit is 60 requests.", "Das Limit beträgt sechzig Anfragen."),
    ("The limit is 60 requests.", "Limit: sechzig Anfragen."),
    ("The limit is 60 requests.", "El límite es de sesenta solicitudes."),
    ("The limit is 60 requests.", "La limite est de soixante requêtes."),
    ("The limit is 60 requests.", "Лимит 2: шестьдесят запросов."),
    # another time or condition
    (
        "From 2026 on, the standard tier allows 6,000 requests a minute.",
        "Before 2026, the standard tier allows 600 requests a minute. From 2026 on it is 6,000.",
    ),
    (
        "The premium plan costs 7 euros a month since 2024.",
        "Since 2020 the premium plan costs 5 euros a month. Since 2024 it costs 7 euros.",
    ),
    (
        "The fee for visitors is 5 euros under 18 years.",
        "The fee for visitors is 9 euros over 18 years. Under 18 years it is 5 euros.",
    ),
    (
        "The fee for visitors is 5 euros under 18 years.",
        "The fee for visitors is 4 euros under 12 years. Under 18 years it is 5 euros.",
    ),
    ("In 2019 the default timeout was 60 seconds.", "The default timeout is 30 seconds. In 2019 it was 60."),
    ("The default timeout is 30 seconds.", "The default timeout is 60 seconds. Later they made it 30 seconds."),
]

FALSE = [
    ("The plan has thirty seats.", "It has four and sixteen seats: four at the window, sixteen at desks."),
    ("The term runs to 250 days.", "The term is between one hundred and two hundred days."),
    ("The firm was founded in 1998.", "The firm was founded in nineteen ninety-nine. It has 20 workers."),
    ("The firm has 160 workers.", "The firm has one hundred and fifty workers."),
    ("One in four users pays for the service.", "20 percent of the users pay for the service."),
    ("A share of 25 percent of users pays.", "One in five users pays for the service."),
    ("65 percent of requests fail.", "Three out of four requests fail."),
    ("The guarantee lasts two and a half years.", "The guarantee lasts 18 months."),
    ("The guarantee lasts 12 months.", "The guarantee lasts one and a half years."),
    ("The job takes 120 minutes.", "The job takes 1:30 h."),
    ("The job takes 1 h 40 min.", "The job takes 90 minutes."),
    ("The job takes 80 minutes.", "The job takes 1 h 30 min."),
    ("The job takes 40 minutes.", "The job takes half an hour."),
    ("Copies are made every 48 hours.", "Copies are made daily."),
    ("Copies are made every 24 hours.", "Copies are made twice a day."),
    ("Answers come within 90 minutes.", "Answers come within an hour."),
    ("Records are kept for 20 years.", "Records are kept for a decade."),
    ("The shop is open for 7 hours.", "The shop is open from 9:00 to 17:00."),
    ("The fair lasts 8 days.", "The fair runs from 2 June to 6 June 2026."),
    ("The offer ends on 31 October 2026.", "The offer ends at the end of 2026."),
    ("The rule applies from 1 February 2027.", "The rule applies from the start of 2027."),
    ("It ended in May 2026.", "It ended in the first quarter of 2026."),
    ("They met on May 13, 2026.", "They met on the twelfth of May 2026."),
    ("They met on 15 March 2026.", "They met the day after 12 March 2026."),
    ("The gate closes at 13:00.", "The gate opens at 8:30 and closes at noon."),
    ("The gate closes at 15:30.", "The gate opens at 8:30 and closes at half past two."),
    ("The work ran for six years.", "The work ran from 2019 to 2024."),
    ("Tickets cost 15 to 25 dollars.", "Tickets cost between fifteen and twenty dollars."),
    ("Release 2.4.2 mended it.", "It was mended in v2.4.1."),
    ("The pipe is 25 cm wide.", "The pipe is 25 mm wide."),
    ("The tank holds 15 litres.", "The tank holds 1500 ml."),
    ("The room is 25 °C warm.", "The room is 68 °F warm."),
    ("The line carries 1 Gbit/s.", "The line carries 100 Mbit/s."),
    ("The plan costs 10 euros a month.", "The plan costs 10 dollars a month."),
    ("The plan costs 12 dollars a year.", "The plan costs 10 dollars a month."),
    ("The road is 50 kilometres long.", "The road is 5,000 m long."),
    ("The fee triples to 50 dollars.", "The fee is 20 dollars."),
    ("Ada Lovelace died at 35.", "Ada Lovelace (10 December 1815 – 27 November 1852) was a mathematician."),
    ("It ends on 30 November 2026.", "The offer is valid in all of 2026."),
    ("The limit is 90 requests.", "Tier 1, limit: 60 requests."),
    (
        "Before 2026, the standard tier allows 6,000 requests a minute.",
        "Before 2026, the standard tier allows 600 requests a minute. The firm tier allows 6,000 requests a minute.",
    ),
    ("It takes 3 days.", "You need a pen, ink, and paper. It takes 5 days."),
]

TIERS = """\
The enterprise tier allows 6,000 requests a minute. The standard tier allows 600 requests a minute. \
For the free tier 60 requests a minute are possible. The limit of the free tier is 60 requests a minute. \
The new index of the shop lasts 18 months."""

SAID_OF_ANOTHER = [
    ("It allows 60 requests a minute.", "We speak of the free tier."),
    ("The tier allows 60 requests a minute.", "We speak of the free tier."),
    ("At most 60 requests a minute are allowed.", "We speak of the free tier."),
    ("The limit is 600 requests a minute.", "We speak of the standard tier."),
    ("The new index of the shop lasts one and a half years.", ""),
]
EXCHANGED = [
    "The standard tier allows 6,000 requests a minute.",
    "The standard tier allows 6,000 requests.",
    "The enterprise tier allows 600 requests a minute.",
    "The limit of the free tier is 600 requests a minute.",
]


def examined(claim: str, passage: str, context: str = "") -> Examined:
    cited = Cited(passage)
    return examine(Assertion(claim, context=context), [cited], cited.sentences)


@pytest.mark.parametrize(("claim", "passage"), TRUE)
def test_no_true_paraphrase_is_rejected(claim: str, passage: str) -> None:
    assert examined(claim, passage).fault is None


@pytest.mark.parametrize(("claim", "passage"), FALSE)
def test_exchanged_numbers_units_and_dates_are_caught(claim: str, passage: str) -> None:
    assert examined(claim, passage).fault in (ClaimFault.NUMBER, ClaimFault.UNIT, ClaimFault.DATE)


@pytest.mark.parametrize(("claim", "context"), SAID_OF_ANOTHER)
def test_a_number_is_no_contradiction_of_a_sentence_that_may_speak_of_another_thing(claim: str, context: str) -> None:
    assert examined(claim, TIERS, context).fault is None


@pytest.mark.parametrize("claim", EXCHANGED)
def test_a_number_from_elsewhere_is_a_contradiction_of_the_sentence_on_the_same_thing(claim: str) -> None:
    found = examined(claim, TIERS)
    assert (found.verdict, found.fault) == (Support.CONTRADICTED, ClaimFault.NUMBER)


@pytest.mark.parametrize(
    "other", ["The limit of this tier is 6,000.", "In the standard tier, 6,000 requests are allowed."]
)
@pytest.mark.parametrize("claim", EXCHANGED[:2])
def test_a_claim_from_one_of_two_sources_that_disagree_is_left_to_the_judge(claim: str, other: str) -> None:
    cited = [Cited("The standard tier allows 600 requests a minute."), Cited(other)]
    sentences = [sentence for each in cited for sentence in each.sentences]
    assert examine(Assertion(claim), cited, sentences).fault is None


@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(1, 5)), max_size=8),
    st.lists(st.tuples(st.integers(0, 30), st.integers(1, 5)), max_size=8),
)
def test_numbers_are_kept_where_they_overlap_no_span(
    numbers: list[tuple[int, int]], spans: list[tuple[int, int]]
) -> None:
    one = frozenset({Fraction(1)})
    found = [Number(one, one, start, start + length) for start, length in numbers]
    taken = [(start, start + length) for start, length in spans]
    free = [each for each in found if not any(start < each.end and each.start < end for start, end in taken)]
    assert outside(found, taken) == free


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("four and sixteen", [{4}, {16}]),
        ("three, four or five", [{3}, {4}, {5}]),
        ("one hundred and two hundred", [{100}, {200}]),
        ("between a hundred and fifty", [{100}, {50}]),
        ("between one hundred and fifty and two hundred", [{150}, {200}]),
        ("two hundred and five thousand", [{205000}]),
        ("a thousand and two thousand", [{1000}, {2000}]),
        ("twenty and thirty-five", [{20}, {35}]),
        ("twenty-five hundred", [{2500}]),
        ("two million three hundred thousand and five", [{2300005}]),
        ("half a million", [{500000}]),
        ("two dozen", [{24}]),
    ],
)
def test_words_are_one_number_only_where_english_makes_one_of_them(text: str, values: list[set[int]]) -> None:
    assert [set(number.values) for number in read_numbers(text)] == [set(map(Fraction, each)) for each in values]
