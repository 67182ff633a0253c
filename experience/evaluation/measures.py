"""The figures of an evaluation: their names, their meaning and their order."""

from __future__ import annotations

from typing import NamedTuple


class Measure(NamedTuple):
    """One figure: its key, how tables call it, what it means, and its unit.

    The unit is a share, a number of something, or micro-dollars, which people read as USD.
    """

    key: str
    title: str
    meaning: str
    unit: str = "share"


_RETRIEVAL = [
    Measure(f"{mode}_{key}", f"{title}, {mode}", meaning)
    for mode in ("hybrid", "keyword", "dense")
    for key, title, meaning in (
        ("ndcg@10", "nDCG@10", "how high one search for the whole question ranks the gold documents"),
        ("recall@10", "recall@10", "share of the gold documents among the first 10"),
        ("recall@100", "recall@100", "share of the gold documents among the first 100"),
    )
]

MEASURES: tuple[Measure, ...] = (
    *_RETRIEVAL,
    Measure("evidence_round_1", "evidence, first round", "share of the gold that the analyzer reads in round 1"),
    Measure("evidence_read", "evidence, all rounds", "share of the gold that the analyzer reads in its last round"),
    Measure(
        "evidence_read@10",
        "evidence, first 10 documents",
        "the same, counting only the ten documents that come first in the analyzer's order",
    ),
    Measure("evidence_quoted", "evidence quoted", "share of the gold from which findings quote: it reaches the writer"),
    Measure("answer_in_claims", "answer in the claims", "share of questions whose answer stands in the claims"),
    Measure("answer_in_opening", "answer in two sentences", "the same, in the first two sentences"),
    Measure("answer_recall", "answer words", "share of the answer's different words that stand in the claims"),
    Measure("gold_in_claims", "gold text in the claims", "share of the gold spans that stand in the claims"),
    Measure("claims_on_gold", "claims on gold", "share of a report's claims that cite gold"),
    Measure("answered_wrong", "answered wrongly", "share of the reports `answered` that do not hold the answer"),
    Measure("published_right", "published rightly", "share of the reports with claims that hold the answer"),
    Measure("probability", "probability given", "mean probability that such a report gives"),
    Measure("answerable_answered", "answerable: answered", "share of the answerable questions"),
    Measure("answerable_partial", "answerable: partial", "share of the answerable questions"),
    Measure("answerable_abstained", "answerable: abstained", "share of the answerable questions; low is good"),
    Measure("answerable_failed", "answerable: refused or failed", "share of the answerable questions"),
    Measure("absent_answered", "absent: answered", "share of the questions that the corpus does not answer"),
    Measure("absent_partial", "absent: partial", "share of the questions that the corpus does not answer"),
    Measure("absent_abstained", "absent: abstained", "share of the same; high is good"),
    Measure("absent_failed", "absent: refused or failed", "share of the questions that the corpus does not answer"),
    Measure("claims_supported", "claims supported", "share of the draft's claims, mean over reports"),
    Measure("claims_contradicted", "claims contradicted", "share of the draft's claims; these are not published"),
    Measure("claims_unsupported", "claims unsupported", "share of the draft's claims; these are not published"),
    Measure("claims_unverified", "claims unverified", "share of the draft's claims; these are marked"),
    Measure("quotes_exact", "quotes exact", "share of reports in which every id, offset and quote is right"),
    Measure("rounds", "rounds of research", "mean number", "number"),
    Measure("words", "words of the answer", "mean number of words of the claims, over reports with claims", "number"),
    Measure("seconds", "seconds", "mean time of a question", "number"),
    Measure("cost_micro_usd", "cost, USD", "mean cost of a question", "micro_usd"),
)

TITLES = {measure.key: measure for measure in MEASURES}
