"""Reports that somebody changed after the run, each in a way that once went unnoticed."""

import re

import pytest
from markdown_it import MarkdownIt
from pydantic import ValidationError

from experience.render import render_markdown
from experience.verification import verify_report
from state.endings import UNFINISHED, ending_text
from state.report import Report, ReportCitation, ReportClaim
from state.values import ClaimKind, Mask, Passage, Refusal, Status, Support, Verification
from tests.experience.reports import E1, E2, FIRST, TEXT, CorpusStub, make_report, placed

LIE = "All loans are free for everybody."
CODE = "budget = 1"
WHOLE = make_report().markdown
ADDRESS = "https://loans.example/free"


async def faults_of(report: Report, corpus: CorpusStub | None = None) -> list[tuple[str, str]]:
    result = await verify_report(report, corpus or CorpusStub())
    assert result.outcome == ("failed" if result.faults else "verified")
    return [(fault.kind, fault.claim_id) for fault in result.faults]


def with_claim(markdown: str, span: str, *, counted: Support | None = Support.SUPPORTED, **fields) -> Report:
    """Return the report with other Markdown and one more claim `c9`, which stands at `span`."""
    named = {"id": "c9", "text": LIE, "section": "Planes", "verdict": "supported", "score": None, "citations": ()}
    tally = (
        {"claims": 3, "supported": 2, counted.value: 1 if counted is not Support.SUPPORTED else 3} if counted else {}
    )
    report = make_report(markdown=markdown, verification=Verification(**{"claims": 2, "supported": 2, **tally}))
    claim = placed(markdown, span, **{**named, **fields})
    ended = (
        {"status": Status.PARTIAL, "stop_reason": "unverified_claims"} if claim.verdict is Support.UNVERIFIED else {}
    )
    return report.model_copy(update={"claims": (*report.claims, claim), **ended})


def first_shown_as(shown: str, **changes) -> Report:
    """Return the report whose first claim is written as `shown`."""
    markdown = WHOLE.replace(f"{FIRST} [1]", shown)
    heading, first, *rest = make_report(markdown=markdown).claims
    start = markdown.index(shown)
    moved = first.model_copy(update={"start": start, "end": start + len(shown), **changes})
    return make_report(markdown=markdown).model_copy(update={"claims": (heading, moved, *rest)})


@pytest.mark.parametrize(
    ("block", "faults"),
    [
        (LIE, [("not_a_heading", "c9")]),
        (f"- {LIE}", [("not_a_heading", "c9")]),
        (f"| a |\n|-|\n| {LIE} |", [("not_a_heading", "c9")]),
        (f"**{LIE}**", [("not_a_heading", "c9")]),  # a heading in all but syntax ends without a full stop
        (f"```\n{LIE}\n```", [("not_a_heading", "c9")]),
        (f"### {LIE}", []),
        (f"{LIE}\n---", []),
        (f"**{LIE[:-1]}**", []),
    ],
)
@pytest.mark.parametrize("kind", [ClaimKind.HEADING, ClaimKind.HEADER])
async def test_only_a_heading_is_a_claim_that_cites_nothing(block, faults, kind):
    said = LIE if LIE in block else LIE[:-1]
    named = with_claim(WHOLE.replace("\n\nAs", f"\n\n{block}\n\nAs"), said, text=said, kind=kind, counted=None)
    assert [fault for fault in await faults_of(named) if fault[0] != "uncited_claim"] == faults


TABLE = f"| {LIE} |\n|-|"


@pytest.mark.parametrize("verdict", [Support.SUPPORTED, Support.UNVERIFIED])
async def test_the_header_of_a_table_is_a_name_if_it_has_a_row(verdict):
    header = {"kind": ClaimKind.HEADER, "counted": None, "verdict": verdict}
    for rows, faults in ((f"\n| {FIRST} [1] |", []), ("", [("not_a_heading", "c9")])):
        report = with_claim(WHOLE.replace(f"{FIRST} [1]", TABLE + rows), f"| {LIE} |", **header)
        start = report.markdown.rfind("\n", 0, report.markdown.find(FIRST)) + 1
        moved = report.claims[1].model_copy(update={"start": start, "end": start + len(rows) - 1})
        claims = (report.claims[0], moved, *report.claims[2:])
        found = await faults_of(report.model_copy(update={"claims": claims}))
        assert [fault for fault in found if fault[1] == "c9"] == faults


@pytest.mark.parametrize("block", ["### {}", "**{}**", "{}\n==="])
async def test_a_heading_has_something_under_it(block):
    text = LIE[:-1]
    report = with_claim(f"{WHOLE}\n\n{block.format(text)}", text, text=text, kind=ClaimKind.HEADING, counted=None)
    assert await faults_of(report) == [("not_a_heading", "c9")]


async def test_a_claim_of_code_covers_its_code_alone():
    quote = ReportCitation(evidence_id=E2, start=len(TEXT) + 1, end=len(TEXT) + 1 + len(CODE), quote=CODE)
    code = {"text": CODE, "kind": ClaimKind.CODE, "citations": (quote,)}
    corpus = CorpusStub(f"{TEXT}\n{CODE}\n")
    sound, forged = f"```python\n{CODE}\n```\n\n[2]", f"{LIE}\n\n```\n{CODE}\n```\n\n[2]"
    after = f"```\n{CODE}\n```\n\n{LIE} [2]"
    for block, found in ((sound, []), (forged, ["claim_not_in_text"]), (after, ["claim_not_in_text"])):
        report = with_claim(f"{WHOLE}\n\n{block}", block, **code)
        longer = report.evidence[1].model_copy(update={"end": len(corpus.text), "text": corpus.text[20:]})
        report = report.model_copy(update={"evidence": (report.evidence[0], longer)})
        kinds = [kind for kind, _ in await faults_of(report, corpus)]
        assert kinds[: len(found)] == found
        assert bool(kinds) is bool(found)


@pytest.mark.parametrize(
    ("more", "kind"),
    [
        ("![All loans are free](https://loans.example/p.png)", "foreign_markup"),
        ("```All loans are free for everybody\n```", "foreign_markup"),
        ("~~~ All loans are free\n---\n~~~", "foreign_markup"),
        ("```python All loans are free\n---\n```", "foreign_markup"),
        (f"[—]({ADDRESS})", "foreign_address"),
        (f"<{ADDRESS}>", "foreign_address"),
        ("—\u200b—", "foreign_markup"),
        ("\U000e0041\U000e004c", "foreign_markup"),
        ("&#x202e;", "foreign_markup"),
        (f"```text\n…\n```\n\n[—]({ADDRESS} 'All loans are free')", "foreign_address"),
    ],
)
async def test_nothing_is_shown_beside_the_claims(more, kind):
    assert kind in [kind for kind, _ in await faults_of(make_report(markdown=f"{WHOLE}\n\n{more}"))]


async def test_the_name_of_a_language_is_no_word():
    faults = await faults_of(make_report(markdown=f"{WHOLE}\n\n```python\n…\n```"))
    assert [kind for kind, _ in faults] == ["uncited_claim"], "of the code, and no foreign markup"


@pytest.mark.parametrize(
    ("shown", "kind"),
    [
        ("The six planes are ![All loans are free](http://x.example/x.png)layers. [1]", "foreign_markup"),
        ("The ~~six planes~~ are layers. [1]", "foreign_markup"),
        ("The six pl\u200banes are layers. [1]", "foreign_markup"),
        ("The [six planes](javascript:alert(1)) are layers. [1]", "foreign_address"),
        (f"The [six planes]({ADDRESS}) are layers. [1]", "foreign_address"),
        ("The [six planes](https://six.example/planes 'All loans are free') are layers. [1]", "foreign_address"),
        ("The [six planes](<https://six.example/planes all loans are free>) are layers. [1]", "foreign_address"),
    ],
)
async def test_a_claim_shows_no_picture_and_links_nothing_but_what_its_quotes_name(shown, kind):
    assert (kind, "c1") in await faults_of(first_shown_as(shown))


@pytest.mark.parametrize(
    "shown", [f"See {ADDRESS}/now. [1]", f"See <{ADDRESS}/now>. [1]", "See www.loans.example. [1]"]
)
async def test_a_claim_writes_no_address_that_its_quotes_do_not_name(shown):
    text = shown.replace("<", "").replace(">", "").removesuffix(" [1]")
    assert ("foreign_address", "c1") in await faults_of(first_shown_as(shown, text=text))
    code = text.replace("See ", "See `").removesuffix(".") + "`. [1]"
    assert await faults_of(first_shown_as(code, text=text)) == []


async def test_html_in_a_claim_is_foreign_markup():
    report = first_shown_as("The <b>six planes are layers. [1]", text="The <b>six planes are layers.")
    assert await faults_of(report) == [("foreign_markup", "c1")]


NAMED = "See six.example.com/a."


def linking(claim: int, link: str) -> tuple[Report, CorpusStub]:
    """Return a report of which one claim links `link`, and its corpus. The second claim quotes `NAMED`, too."""
    corpus = CorpusStub(f"{TEXT} {NAMED}")
    words = {1: "planes are", 2: "notes, a graph"}[claim]
    report = make_report(markdown=WHOLE.replace(words, f"[{words}]({link})"))
    written = [each.removesuffix("\n\n") for each in re.findall(r".+(?:\n\n|\Z)", report.markdown)[1:]]
    quote = ReportCitation(evidence_id=E2, start=len(TEXT) + 1, end=len(corpus.text), quote=NAMED)
    claims = [
        each.model_copy(update={"start": report.markdown.index(line), "end": report.markdown.index(line) + len(line)})
        for each, line in zip(report.claims[1:], written, strict=True)
    ]
    claims[1] = claims[1].model_copy(update={"citations": (*claims[1].citations, quote)})
    second = report.evidence[1].model_copy(update={"end": len(corpus.text), "text": corpus.text[20:]})
    changes = {"claims": (report.claims[0], *claims), "evidence": (report.evidence[0], second)}
    return report.model_copy(update=changes), corpus


async def test_a_claim_links_what_its_own_quotes_name():
    for claim, faults in ((2, []), (1, [("foreign_address", "c1")])):
        assert await faults_of(*linking(claim, "https://six.example.com/a")) == faults


async def test_a_claim_links_its_own_sources():
    source = "https://Planes.example.com/a/"
    for claim, faults in ((1, []), (2, [("foreign_address", "c2")])):
        report, corpus = linking(claim, "https://planes.example.com/a")
        corpus.known[E1] = corpus.known[E1].model_copy(update={"source": source})
        first = report.evidence[0].model_copy(update={"source": source})
        report = report.model_copy(update={"evidence": (first, report.evidence[1])})
        assert await faults_of(report, corpus) == faults


async def test_a_masked_address_is_linked_where_its_quote_is_masked_alike():
    report, corpus = linking(2, "https://six.███mple.com/a")
    first, named = report.claims[2].citations
    masked = named.model_copy(update={"quote": NAMED.replace("exa", "███")})
    second = report.claims[2].model_copy(update={"citations": (first, masked)})
    masks = (Mask(start=0, end=3, kind="NAME"),)
    report = report.model_copy(update={"claims": (*report.claims[:2], second), "masks": masks})
    assert await faults_of(report, corpus) == []
    other = report.markdown.replace("six.███", "sex.███")
    assert await faults_of(report.model_copy(update={"markdown": other}), corpus) == [("foreign_address", "c2")]


@pytest.mark.parametrize("verdict", [Support.UNSUPPORTED, Support.CONTRADICTED])
async def test_a_claim_that_failed_is_not_published(verdict):
    report = with_claim(f"{WHOLE}\n\n{LIE}", LIE, verdict=verdict, counted=verdict)
    assert await faults_of(report) == [("uncited_claim", "c9"), ("failed_claim", "c9")]


def test_a_verdict_is_one_of_the_four():
    with pytest.raises(ValidationError):
        ReportClaim(id="c9", text=LIE, section="", verdict="banana", score=None, citations=())


@pytest.mark.parametrize(
    ("block", "span"),
    [
        ("LIE [1]NOTICE", "LIE [1]"),
        ("**LIE [1]**NOTICE", "**LIE [1]**"),
        ("- LIE [1]NOTICE Budgets", "LIE [1]"),
        ("| a |\n|-|\n| LIE [1]NOTICE |", "| LIE [1]NOTICE |"),
    ],
)
async def test_an_unverified_claim_says_so(block, span):
    cited = make_report().claims[1].citations
    block, span = (text.replace("LIE", LIE) for text in (block, span))
    for notice, faults in ((" *(unverified)*", []), ("", [("notice_missing", "c9")])):
        markdown = f"{WHOLE}\n\n{block.replace('NOTICE', notice)}"
        report = with_claim(
            markdown,
            span.replace("NOTICE", notice),
            verdict=Support.UNVERIFIED,
            counted=Support.UNVERIFIED,
            citations=cited,
        )
        assert [fault for fault in await faults_of(report) if fault[0] != "uncited_claim"] == faults


async def test_a_notice_belongs_to_the_claim_before_it():
    cited = make_report().claims[1].citations
    markdown = f"{WHOLE}\n\n{LIE} [1] {FIRST} [1] *(unverified)*"
    report = with_claim(markdown, f"{LIE} [1]", verdict=Support.UNVERIFIED, counted=Support.UNVERIFIED, citations=cited)
    assert ("notice_missing", "c9") in await faults_of(report)


async def test_an_unverified_claim_cites_something_too():
    markdown = f"{WHOLE}\n\n{LIE} *(unverified)*"
    report = with_claim(markdown, LIE, verdict=Support.UNVERIFIED, counted=Support.UNVERIFIED)
    assert await faults_of(report) == [("uncited_claim", "c9")]


REFUSAL = Refusal(stage="question", policy="deny", category="deny_list", reason="a word is not allowed")


@pytest.mark.parametrize(
    ("status", "reason", "refusal"),
    [
        (Status.ABSTAINED, "no_evidence", None),
        (Status.STOPPED, "budget_exceeded", None),
        (Status.REFUSED, "policy:deny", REFUSAL),
    ],
)
async def test_a_report_without_claims_says_only_why(status, reason, refusal):
    empty = {"claims": (), "evidence": (), "verification": Verification(), "refusal": refusal}
    said = ending_text(status, reason, refusal)
    report = make_report(markdown=said, status=status, stop_reason=reason, **empty)
    assert await faults_of(report) == []
    for text in (LIE, f"{said} {LIE}", "", said.lower()):
        forged = report.model_copy(update={"markdown": text})
        assert await faults_of(forged) == [("text_without_claims", "")]


FORGED = "Acme is bankrupt. Pay at [x](https://evil.example) ![p](https://evil.example/p.png)"


async def test_a_refusal_holds_no_link_and_no_picture():
    refusal = REFUSAL.model_copy(update={"reason": FORGED})
    said = ending_text(Status.REFUSED, "policy:deny", refusal)
    empty = {"claims": (), "evidence": (), "verification": Verification(), "refusal": refusal}
    assert "](" not in said.replace("\\](", "")
    assert "`https://evil.example" in said, "an address is code and no link"
    report = make_report(markdown=said, status=Status.REFUSED, stop_reason="policy:deny", **empty)
    assert await faults_of(report) == []
    live = report.model_copy(update={"markdown": said.replace("\\", "").replace("`", "")})
    assert {("text_without_claims", ""), ("foreign_address", ""), ("foreign_markup", "")} <= set(await faults_of(live))


@pytest.mark.parametrize(
    "change",
    [
        {"status": Status.PARTIAL, "stop_reason": "Acme is bankrupt, see https://evil.example"},
        {"status": Status.REFUSED, "stop_reason": "policy:deny"},
        {"status": Status.ANSWERED, "gaps": ("The corpus does not answer: Why?",)},
    ],
)
async def test_status_and_reason_fit_the_claims(change):
    report = make_report()
    assert await faults_of(report) == []
    assert await faults_of(report.model_copy(update=change)) == [("status", "")]


async def test_an_answer_with_an_unverified_claim_is_partial():
    cited = make_report().claims[1].citations
    report = with_claim(
        f"{WHOLE}\n\n{LIE} [1] *(unverified)*",
        f"{LIE} [1]",
        verdict=Support.UNVERIFIED,
        counted=Support.UNVERIFIED,
        citations=cited,
    )
    assert ("status", "") not in await faults_of(report)
    assert ("status", "") in await faults_of(report.model_copy(update={"status": Status.ANSWERED}))


@pytest.mark.parametrize(
    ("part", "text", "kind"),
    [
        ("reason", f"pay [here]({ADDRESS})", None),
        ("reason", f"see ![p]({ADDRESS}/p.png), <b>now</b>, ~~gone~~\n\n# {LIE}", None),
        ("category", f"[x]({ADDRESS})", "status"),
        ("policy", f"`[x]({ADDRESS})`", None),
        ("stage", f"<{ADDRESS}>", None),
        ("reason", "pay at loans\u200b.example", "foreign_markup"),
        ("reason", "pay at <ann@loans.example>", None),
    ],
)
async def test_what_a_guard_says_is_text_and_nothing_else(part, text, kind):
    refusal = REFUSAL.model_copy(update={part: text})
    reason = f"policy:{refusal.category}"
    said = ending_text(Status.REFUSED, reason, refusal)
    empty = {"claims": (), "evidence": (), "verification": Verification(), "refusal": refusal}
    report = make_report(markdown=said, status=Status.REFUSED, stop_reason=reason, **empty)
    assert [found for found, _ in await faults_of(report)] == ([kind] if kind else [])
    tokens = MarkdownIt("gfm-like").parse(render_markdown(report))
    inline = [each.type for token in tokens for each in token.children or ()]
    assert not {"link_open", "image", "html_inline", "s_open"} & {*inline}
    assert not {"heading_open", "html_block"} & {token.type for token in tokens if LIE in token.content}


async def test_the_report_of_a_run_whose_report_failed_holds():
    empty = {"claims": (), "evidence": (), "verification": Verification()}
    report = make_report(markdown=UNFINISHED, status=Status.STOPPED, stop_reason="internal", **empty)
    assert await faults_of(report) == []
    assert await faults_of(report.model_copy(update={"status": Status.ANSWERED})) == [("text_without_claims", "")]


@pytest.mark.parametrize("change", [{"date": "2099-01-01"}, {"version": "9"}, {"heading_path": (LIE,)}])
async def test_evidence_has_the_date_the_version_and_the_headings_of_its_passage(change):
    corpus = CorpusStub()
    more = {"metadata": {"date": "2025-03-01", "version": "2"}, "heading_path": ("Planes", "Six")}
    corpus.known[E1] = Passage(**{**corpus.known[E1].model_dump(), **more})
    first, second = make_report().evidence
    first = first.model_copy(update={"date": "2025-03-01", "version": "2", "heading_path": ("Planes", "Six")})
    report = make_report(evidence=(first, second))
    assert await faults_of(report, corpus) == []
    forged = report.model_copy(update={"evidence": (first.model_copy(update=change), second)})
    assert await faults_of(forged, corpus) == [("evidence_differs", "")]


async def test_headings_of_evidence_may_be_masked():
    corpus = CorpusStub()
    corpus.known[E1] = corpus.known[E1].model_copy(update={"heading_path": ("Ann Lee",)})
    first, second = make_report().evidence
    first = first.model_copy(update={"heading_path": ("███ Lee",)})
    report = make_report(evidence=(first, second))
    assert await faults_of(report, corpus) == [("evidence_differs", "")]
    assert await faults_of(report.model_copy(update={"masks": (Mask(start=0, end=3, kind="NAME"),)}), corpus) == []
