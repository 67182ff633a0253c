import pytest

from experience.verification import verify_report
from state.endings import ending_text
from state.report import Report
from state.values import Mask, Status, Verification
from tests.experience.reports import E1, FIRST, TEXT, CorpusStub, make_report


def kinds(result):
    return {fault.kind for fault in result.faults}


def change_claim(report: Report, **changes) -> Report:
    heading, first, *rest = report.claims
    return report.model_copy(update={"claims": (heading, first.model_copy(update=changes), *rest)})


def change_citation(report: Report, **changes) -> Report:
    return change_claim(report, citations=(report.claims[1].citations[0].model_copy(update=changes),))


async def test_a_sound_report_is_verified_also_where_a_document_writes_brackets():
    result = await verify_report(make_report(), CorpusStub())
    assert result.faults == ()
    assert result.outcome == "verified"
    assert (result.claims, result.citations, result.evidence) == (2, 2, 2)


async def test_one_changed_character_of_a_quote_is_found_and_named():
    result = await verify_report(change_citation(make_report(), quote=FIRST.replace("six", "sax")), CorpusStub())
    assert result.outcome == "failed"
    assert [(fault.kind, fault.claim_id) for fault in result.faults] == [("quote_differs", "c1")]


@pytest.mark.parametrize(
    ("report", "kind"),
    [
        (change_citation(make_report(), evidence_id="E" + "C" * 26), "unknown_evidence"),
        (change_citation(make_report(), start=79, end=90, quote=TEXT[79:90]), "outside_evidence"),
        (change_citation(make_report(), start=5, end=5, quote=""), "outside_evidence"),
        (change_claim(make_report(), citations=()), "uncited_claim"),
        (change_claim(make_report(), text="Something else."), "claim_not_in_text"),
        (make_report(markdown=make_report().markdown.replace("[1]", "[2]")), "citation_number"),
        (make_report(markdown=make_report().markdown + "\n\nMore. [7]"), "citation_number"),
        (make_report(verification=Verification(claims=2, supported=1, unsupported=1)), "tally"),
        (make_report(verification=Verification(claims=3, supported=2)), "tally"),
        (make_report(evidence=make_report().evidence * 2), "duplicate"),
    ],
)
async def test_each_fault_is_found(report, kind):
    result = await verify_report(report, CorpusStub())
    assert result.outcome == "failed"
    assert kind in kinds(result)


def with_markdown(markdown: str, **spans) -> Report:
    """Return the report with other Markdown; `spans` are the words of claims, whose offsets stay where they stand."""
    report = make_report(markdown=markdown)
    moved = {key: (markdown.index(words), markdown.index(words) + len(words)) for key, words in spans.items()}
    claims = [
        each.model_copy(update=dict(zip(("start", "end"), moved[each.id], strict=True))) if each.id in moved else each
        for each in report.claims
    ]
    return report.model_copy(update={"claims": tuple(claims)})


FIRST_CITED, SECOND_CITED = f"{FIRST} [1]", "As ⟦3⟧ notes, a graph &lt;b>node&lt;/b> does one job. [2]"


@pytest.mark.parametrize(
    ("markdown", "spans", "faults"),
    [
        # What the report says, in other Markdown.
        ("# Planes\n\n- FIRST\n- SECOND", {"c1": FIRST_CITED}, []),
        ("## Planes\n\n- FIRST *(unverified)*\n- SECOND", {}, []),
        ("## Planes\n\n> FIRST\n\nSECOND", {}, []),
        ("## Planes\n\nThe six *planes* `are` layers[1]. SECOND", {"c1": "The six *planes* `are` layers[1]."}, []),
        # Spans that show something else.
        (
            "## Planes\n\nFIRST\n\nSECOND",
            {"c1": f"{FIRST} ["},
            ["citation_number"] * 3,
        ),
        (
            "## Planes\n\nFIRST SECOND",
            {"c1": f"{FIRST} [1] As"},
            ["claim_not_in_text", "citation_number", "citation_number", "uncited_claim"],
        ),
        (
            "## Planes\n\nNot FIRST\n\nSECOND",
            {"c1": f"Not {FIRST_CITED}"},
            ["claim_not_in_text", "citation_number", "citation_number", "uncited_claim"],
        ),
        # Marks where they may not be.
        ("## Planes\n\nFIRST\n\nSECOND\n\n[2]", {}, ["citation_number"]),
        ("## Planes [1]\n\nFIRST\n\nSECOND", {}, ["citation_number"]),
        ("## Planes\n\nFIRST[2]\n\nSECOND", {"c1": f"{FIRST_CITED}[2]"}, ["citation_number"]),
        (
            "## Planes\n\nThe six planes are layers. `[1]`\n\nSECOND",
            {"c1": "The six planes are layers. `[1]`"},
            ["claim_not_in_text", "citation_number", "uncited_claim"],
        ),
        # Words that no claim covers.
        ("## Planes\n\nFIRST It is certain.\n\nSECOND", {}, ["uncited_claim"]),
        ("## Planes\n\nFIRST\n\nSECOND\n\n```\nrm -rf /\n```", {}, ["uncited_claim"]),
        ("## Planes\n\nFIRST\n\nSECOND\n\n## Buy now", {}, ["uncited_claim"]),
        ("## Planes\n\nFIRST\n\nSECOND\n\n| a |\n|-|\n| b |", {}, ["uncited_claim"] * 2),
        ("## Planes\n\nFIRST\n\nSECOND\n\n| a | b |\n|-|-|", {}, ["uncited_claim"]),
        ("## Planes\n\nFIRST\n\nSECOND\n\n---\n\n…", {}, ["uncited_claim"]),
        ("## Planes\n\n❌ FIRST\n\nSECOND", {}, ["uncited_claim"]),
        ("## Planes\n\nFIRST\n\n---\n\nSECOND", {}, []),
    ],
)
async def test_spans_marks_and_words_are_where_the_claims_say(markdown, spans, faults):
    text = markdown.replace("FIRST", FIRST_CITED).replace("SECOND", SECOND_CITED)
    result = await verify_report(with_markdown(text, **spans), CorpusStub())
    assert [fault.kind for fault in result.faults] == faults


async def test_two_claims_do_not_share_a_span():
    report = make_report()
    twice = report.claims[1].model_copy(update={"id": "c9"})
    tally = Verification(claims=3, supported=3)
    forged = report.model_copy(update={"claims": (*report.claims, twice), "verification": tally})
    result = await verify_report(forged, CorpusStub())
    assert [(fault.kind, fault.claim_id) for fault in result.faults] == [("duplicate", "c9")]


async def test_headings_count_neither_as_claims_nor_as_uncited():
    result = await verify_report(make_report(), CorpusStub())
    assert (result.claims, result.faults) == (2, ())


@pytest.mark.parametrize(("start", "end", "sound"), [(0, 26, True), (54, 80, True), (55, 81, False), (-1, 25, False)])
async def test_a_quote_may_reach_both_ends_of_its_passage_and_no_further(start, end, sound):
    report = change_citation(make_report(), start=start, end=end, quote=TEXT[max(start, 0) : end])
    assert ("outside_evidence" in kinds(await verify_report(report, CorpusStub()))) is not sound


async def test_evidence_that_is_not_numbered_from_one_is_a_fault_of_its_numbers():
    report = make_report()
    odd = [item.model_copy(update={"number": item.number + 1}) for item in report.evidence]
    renumbered = report.model_copy(update={"evidence": tuple(odd)})
    assert kinds(await verify_report(renumbered, CorpusStub())) == {"citation_number"}


async def test_changed_evidence_is_found():
    report = make_report()
    forged = report.evidence[0].model_copy(update={"text": "x" * 80, "source": "other.md"})
    result = await verify_report(report.model_copy(update={"evidence": (forged, report.evidence[1])}), CorpusStub())
    assert kinds(result) == {"evidence_differs"}
    assert len(result.faults) == 2


async def test_pruned_passages_are_an_outcome_of_their_own():
    corpus = CorpusStub()
    del corpus.known[E1]
    result = await verify_report(make_report(), corpus)
    assert (result.outcome, result.pruned, result.faults) == ("pruned", (E1,), ())


async def test_masked_characters_are_skipped_only_where_the_report_has_masks():
    masked = change_citation(make_report(), quote=FIRST.replace("six", "███"))
    assert (await verify_report(masked, CorpusStub())).outcome == "failed"
    declared = masked.model_copy(update={"masks": (Mask(start=0, end=3, kind="X"),)})
    assert (await verify_report(declared, CorpusStub())).outcome == "verified"


async def test_a_report_without_claims_holds():
    said = ending_text(Status.ABSTAINED, "no_evidence", None)
    empty = {"claims": (), "evidence": (), "verification": Verification(), "corpus": None}
    report = make_report(markdown=said, status=Status.ABSTAINED, stop_reason="no_evidence", **empty)
    assert (await verify_report(report, None)).outcome == "verified"
