"""What code says about a claim: tables of true paraphrases that it lets pass, and of false ones that it catches."""

from __future__ import annotations

import pytest

from nodes.checks import Assertion, Cited, Examined, examine, statements
from state.values import ClaimFault, ClaimKind, Support

TIERS = """\
## Rate tiers

The free tier allows 60 requests and 100,000 characters a minute. The standard tier allows 600 requests a minute. \
A caller that exceeds a limit is refused until the next minute. Each refused call is answered with the status 429."""

PRICES = """\
The circulating price of Command R+ is 0.015 dollars per 10,000 characters. The list price is 0.0156 dollars. \
One thousand calls cost 12 dollars. Halving the passages saves 35 percent of the cost."""

TABLE = """\
| model | context window | price |
|---|---|---|
| Command R+ | 128 k tokens | $12 |
| Llama | 8 k tokens | $3 |
| Aya | 16 k tokens | $5 |"""

DATES = "The contract was signed on 12 March 2026 and runs for 30 days. Support ended in October 2024 at 14:30."

POLARITY = """\
A budget does not prevent a burst. The private key must never be committed to a repository. Caching reduces the cost. \
Guards fail closed. API keys are meant for development. The error is not only logged but also counted. \
The limit applies only if the caller is known. Not all requests are counted. Messages are encrypted."""

SPEED = "The new index is built in 40 minutes, the old one in 120 minutes. It holds 1,482,000 rows and 2.5 GB."
ALL = {"tiers": TIERS, "prices": PRICES, "table": TABLE, "dates": DATES, "polarity": POLARITY, "speed": SPEED}

TRUE = [
    # numbers in other forms
    ("tiers", "Callers of the free tier may send sixty requests per minute."),
    ("tiers", "In the free tier one may send 100.000 characters a minute."),
    ("tiers", "In the free tier one may send 100k characters each minute."),
    ("tiers", "The free tier is limited to 0.1 million characters a minute."),
    ("tiers", "The free tier lets 1 request a second through."),
    ("tiers", "The free tier lets about 1.7 thousand characters a second through, which is 100,000 a minute."),
    ("prices", "Command R+ is priced at about 1.5 cents for 10 000 characters."),
    ("prices", "Command R+ is priced at 0,015 dollars per 10.000 characters."),
    ("prices", "A thousand calls come to $12."),
    ("prices", "1,000 calls come to twelve US dollars."),
    ("prices", "About a third of the cost is saved (35 %)."),
    ("table", "Command R+ reads 128,000 tokens."),
    ("table", "The window of Command R+ is 131,072 tokens."),
    ("table", "The smallest of the three models reads 8k tokens."),
    ("speed", "The index holds some 1.5 million rows."),
    ("speed", "The index holds nearly 1.5 million rows in 2,500 MB."),
    # worked out
    ("tiers", "The standard tier allows ten times as many requests."),
    ("tiers", "The standard tier allows 540 requests more than the free one."),
    ("tiers", "Together the tiers allow 660 requests a minute."),
    ("prices", "One call costs 0.012 dollars."),
    ("prices", "The list price is 4 percent higher than the circulating one."),
    ("prices", "65 percent of the cost remain."),
    ("table", "The three models cost 20 dollars together."),
    ("table", "There are three models, and two of them read fewer than 100 k tokens."),
    ("speed", "The new index is built three times as fast."),
    ("speed", "The new index is ready 80 minutes earlier."),
    ("speed", "Building the new index takes two thirds of an hour, the old one took 2 hours."),
    # hedged and bounded
    ("tiers", "More than 50 requests a minute are possible in the free tier."),
    ("speed", "The index takes well under 50 minutes."),
    ("tiers", "The free tier allows at most 60 requests a minute."),
    ("prices", "A thousand calls cost 12 dollars, at a list price of 0.0156 dollars."),
    ("tiers", "The free tier allows 60 and the standard tier 600 requests a minute."),
    # counts and labels of the writer
    ("tiers", "Step 2: wait for the next minute."),
    ("tiers", "Two limits hold in the free tier."),
    ("tiers", "The first limit is that of requests."),
    # dates
    ("dates", "They signed on 2026-03-12."),
    ("dates", "They signed on March 12th, 2026."),
    ("dates", "They signed on 12.03.2026."),
    ("dates", "They signed in March 2026."),
    ("dates", "They signed in 2026."),
    ("dates", "The contract ends on 11 April 2026."),
    ("dates", "Support ended in autumn 2024 at 2:30 pm."),
    ("dates", "The contract runs for about a month, 30 days."),
    # negation and opposites in other words
    ("polarity", "A burst is possible whatever the budget."),
    ("polarity", "The private key cannot go into a repository."),
    ("polarity", "Committing the private key to a repository is forbidden."),
    ("polarity", "Caching makes it cheaper."),
    ("polarity", "The error is logged and counted."),
    ("polarity", "For unknown callers the limit does not apply."),
    ("polarity", "Some requests are not counted."),
    ("polarity", "API keys are not meant for production."),
]

FALSE = [
    ("tiers", "The free tier allows 90 requests a minute.", ClaimFault.NUMBER, Support.CONTRADICTED),
    ("tiers", "The free tier allows 1,000,000 characters a minute.", ClaimFault.NUMBER, Support.CONTRADICTED),
    ("tiers", "The free tier allows seventy requests a minute.", ClaimFault.NUMBER, Support.CONTRADICTED),
    ("tiers", "The free tier allows 60 requests an hour.", ClaimFault.UNIT, Support.CONTRADICTED),
    ("tiers", "The free tier allows 60 requests per second.", ClaimFault.UNIT, Support.CONTRADICTED),
    ("tiers", "Refused calls are answered with the status 503.", ClaimFault.NUMBER, Support.UNSUPPORTED),
    ("tiers", "The standard tier allows 60 requests a minute.", ClaimFault.NUMBER, Support.CONTRADICTED),
    ("tiers", "The free tier allows up to 120 requests a minute.", ClaimFault.NUMBER, Support.CONTRADICTED),
    ("speed", "In this example 1.10 million rows are held.", ClaimFault.NUMBER, Support.UNSUPPORTED),
    (
        "prices",
        "The price of Command R+ is 0.15 dollars per 10,000 characters.",
        ClaimFault.NUMBER,
        Support.CONTRADICTED,
    ),
    ("prices", "One thousand calls cost 12 euros.", ClaimFault.UNIT, Support.CONTRADICTED),
    ("prices", "Halving the passages saves 53 percent.", ClaimFault.NUMBER, Support.CONTRADICTED),
    ("table", "Command R+ reads 256 k tokens.", ClaimFault.NUMBER, Support.CONTRADICTED),
    ("speed", "The index holds 14,820,000 rows.", ClaimFault.NUMBER, Support.CONTRADICTED),
    ("speed", "The new index is built in 40 seconds.", ClaimFault.UNIT, Support.CONTRADICTED),
    ("speed", "The old index is built in 120 hours.", ClaimFault.UNIT, Support.CONTRADICTED),
    ("dates", "They signed on 13 March 2026.", ClaimFault.DATE, Support.CONTRADICTED),
    ("dates", "They signed on 12 May 2026.", ClaimFault.DATE, Support.CONTRADICTED),
    ("dates", "They signed on 12 March 2025.", ClaimFault.DATE, Support.CONTRADICTED),
    ("dates", "Support ended in 2023.", ClaimFault.NUMBER, Support.UNSUPPORTED),
    ("dates", "Support ended at 3:30 pm.", ClaimFault.DATE, Support.CONTRADICTED),
    ("tiers", "The limits hold since 12 March 2026.", ClaimFault.DATE, Support.UNSUPPORTED),
    ("polarity", "A budget prevents a burst.", ClaimFault.NEGATION, Support.CONTRADICTED),
    ("polarity", "The private key must be committed to a repository.", ClaimFault.NEGATION, Support.CONTRADICTED),
    ("polarity", "All requests are counted.", ClaimFault.NEGATION, Support.CONTRADICTED),
    ("polarity", "API keys aren't meant for development.", ClaimFault.NEGATION, Support.CONTRADICTED),
    ("polarity", "Caching increases the cost.", ClaimFault.OPPOSITE, Support.CONTRADICTED),
    ("polarity", "Guards fail open.", ClaimFault.OPPOSITE, Support.CONTRADICTED),
    ("tiers", "Details are at https://evil.example.com/tiers.", ClaimFault.ADDRESS, Support.UNSUPPORTED),
    ("tiers", "Write to help@evil.example to lift the limit.", ClaimFault.ADDRESS, Support.UNSUPPORTED),
    ("tiers", "Open javascript:alert(document.cookie) to lift the limit.", ClaimFault.ADDRESS, Support.UNSUPPORTED),
]


def examined(claim: str, *passages: str, **more: object) -> Examined:
    cited = [Cited(passage) for passage in passages]
    quotes = [sentence for each in cited for sentence in each.sentences]
    return examine(Assertion(claim, **more), cited, quotes)  # type: ignore[arg-type]


@pytest.mark.parametrize(("passage", "claim"), TRUE)
def test_a_true_paraphrase_is_left_to_the_judge(passage: str, claim: str) -> None:
    assert examined(claim, ALL[passage]) == Examined()


@pytest.mark.parametrize(("passage", "claim", "fault", "verdict"), FALSE)
def test_what_cannot_be_true_of_the_passage_fails(
    passage: str, claim: str, fault: ClaimFault, verdict: Support
) -> None:
    found = examined(claim, ALL[passage])
    assert (found.fault, found.verdict) == (fault, verdict)


def test_a_number_may_come_from_another_cited_passage_the_question_the_text_before_or_a_title() -> None:
    claim = "With 45 short requests a caller stays below both limits."
    assert examined(claim, TIERS).fault is ClaimFault.NUMBER
    assert examined(claim, TIERS, "Most callers send 45 requests.") == Examined()
    assert examined(claim, TIERS, question="What if I send 45 requests?") == Examined()
    assert examined(claim, TIERS, context="We send 45 requests.") == Examined()
    titled = Cited(TIERS, ("Limits for 45 requests",))
    assert examine(Assertion(claim), [titled], [TIERS]) == Examined()


def test_a_price_may_be_worked_out_for_the_number_in_the_question() -> None:
    claim = "The price for 8,000 characters is 0.012 dollars."
    assert examined(claim, PRICES, question="What do 8,000 characters cost?") == Examined()
    wrong = examined(claim.replace("0.012", "0.12"), PRICES, question="What do 8,000 characters cost?")
    assert wrong.fault is ClaimFault.NUMBER


def test_a_total_may_be_worked_out_for_the_time_in_the_question() -> None:
    claim = "The standard tier allows 6,000 requests in 10 minutes."
    assert examined(claim, TIERS, question="How many requests can I send in ten minutes?") == Examined()
    assert examined(claim, TIERS).fault is ClaimFault.NUMBER


def test_words_such_as_last_month_leave_dates_to_the_judge() -> None:
    passage = "Published on 3 March 2026. Version 4 was released last month."
    assert examined("Version 4 was released in February 2026.", passage) == Examined()
    assert examined("Version 4 was released in February 2026.", passage.replace("last month", "soon")).fault


@pytest.mark.parametrize(
    "passage",
    [
        "Die Frist beträgt dreißig Tage, und sie ist für alle Kunden gleich. Der Antrag wird von der Stelle geprüft.",
        "Le délai est de trente jours pour les clients, et la demande est traitée par le service dans les bureaux.",
        "期限は三十日です。",
    ],
)
def test_number_words_of_other_languages_fail_nobody(passage: str) -> None:
    assert examined("The period is 30 days.", passage) == Examined()


def test_a_heading_is_never_verbatim() -> None:
    assert examined("Caching reduces the cost.", POLARITY, kind=ClaimKind.HEADING) == Examined()


@pytest.mark.parametrize(
    "passage",
    [
        "# Handbook",
        "Handbook\n========",
        "Who pays for it?",
        "| a | b |\n|---|---|",
        "Rate limits",
        "---",
    ],
)
def test_headings_titles_and_questions_support_nothing(passage: str) -> None:
    found = examined("The handbook names the rate limits.", passage)
    assert (found.verdict, found.fault) == (Support.UNSUPPORTED, ClaimFault.NO_STATEMENT)


def test_the_last_row_of_a_table_before_a_rule_is_a_statement() -> None:
    passage = "| region | price |\n|---|---|\n| Bonn | 3 dollars |\n\n---\n\n## Next"
    assert [passage[each.start : each.end] for each in statements(passage)] == ["| Bonn | 3 dollars |"]


MARKED = "A berth costs nothing, as page one says. [E1, E2] [1]\n\n⟦E3⟧ 【E4】"


@pytest.mark.parametrize("claim", ["⟦E1, E2⟧ ⟦1⟧", "[E1, E2] [1]", "⟦E3⟧ 【E4】."])
def test_marks_that_a_document_forged_state_nothing(claim: str) -> None:
    found = examined(claim, MARKED)
    assert (found.verdict, found.fault) == (Support.UNSUPPORTED, ClaimFault.NO_STATEMENT)
    assert [MARKED[each.start : each.end] for each in statements(MARKED)] == [
        "A berth costs nothing, as page one says."
    ]


def test_an_index_in_brackets_is_no_mark() -> None:
    assert examined("Use rows[1] and not more.", "Use rows[1] and not more.").verdict is Support.SUPPORTED
    assert examined("Use rows[2] and not more.", "Use rows[1] and not more.").verdict is not Support.SUPPORTED


def test_a_title_without_markup_supports_nothing() -> None:
    named = Cited("The 9 rules of the house.", ("The 9 rules of the house",))
    found = examine(Assertion("The house has 9 rules."), [named], [])
    assert found.fault is ClaimFault.NO_STATEMENT


def test_an_address_of_the_passage_may_be_named() -> None:
    passage = "The guide is at https://docs.example.com/guide/ and answers questions."
    assert examined("Look at docs.example.com/guide for answers.", passage) == Examined()
    assert examined("Look at https://docs.example.com for answers.", passage) == Examined()
    assert examined("Look at https://docs.example.com/other for answers.", passage).fault is ClaimFault.ADDRESS


def test_a_second_source_that_says_the_same_saves_a_claim_from_a_negation() -> None:
    claim = "Messages of the queue are stored encrypted."
    against = "Messages of the queue are not stored encrypted."
    assert examined(claim, against).fault is ClaimFault.NEGATION
    assert examined(claim, against, "The messages of the queue are stored encrypted there.") == Examined()
