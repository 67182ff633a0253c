"""The report as Markdown, HTML and files: what it shows, in what order, and that hostile text stays text."""

import re

import pytest
from selectolax.lexbor import LexborHTMLParser

from experience.render import render_answer, render_html, render_markdown, render_text, write_report
from experience.render.links import Originals
from experience.render.sources import paragraphs_of
from experience.render.words import COMPILED, roles, run_facts, verification_line
from state.report import CorpusRef, PolicyRef, Report, ReportCitation, ReportClaim
from state.values import Event, Support, Usage, Verification
from tests.experience import render_cases as cases
from tests.experience.render_cases import CASES, PRICES, Page, Said, built
from tests.experience.reports import E1, FIRST, citation, make_report

HOSTILE = (
    '<script>alert(1)</script> ![x](http://evil/x.png) [y](javascript:z) </details> \x1b[31m & "quoted" \ue0001\ue001'
)

DOUBTS = "2 could not be checked and are marked; 1 more was left out."


def page_of(report, folder=None):
    return LexborHTMLParser(render_html(report, Originals(folder)))


def text_of(node):
    return " ".join(node.text().split())


def test_each_citation_links_to_its_passage_and_the_quote_is_highlighted():
    page = page_of(make_report())
    assert [cite.attributes["href"] for cite in page.css("a.cite")] == ["#source-1", "#source-2"]
    assert text_of(page.css_first("#source-2 mark")) == "As [3] notes, a graph <b>node</b> does one job."
    assert FIRST in [text_of(mark) for mark in page.css("#source-1 mark")]
    assert "As ⟦3⟧ notes" in page.css_first("#answer").text()


def test_a_citation_is_described_by_the_quotes_that_carry_its_claim_and_no_others():
    page = page_of(cases.table())
    described = {}
    for cite in page.css("a.cite"):
        ids = cite.attributes["aria-describedby"].split()
        described[cite.attributes["data-claim"]] = [text_of(page.css_first(f"#{own}")) for own in ids]
    assert described["1"] == ["The free tier allows 60 requests and 100,000 characters a minute."]
    assert described["2"] == ["The team tier allows 600 requests and 2,000,000 characters a minute."]


def test_each_claim_stands_once_in_the_page_beside_its_source():
    page = page_of(cases.paraphrase())
    said = "reaches the limit on requests first"
    assert page.body.text().count(said) == 1
    assert render_markdown(cases.paraphrase()).count(said) == 1
    assert "1.00" not in page.body.text()


@pytest.mark.parametrize("case", CASES)
def test_the_question_comes_first_then_the_answer_then_what_is_open_then_sources(case):
    report = case()
    page = page_of(report)
    assert [text_of(each) for each in page.css("h1")] == [report.question]
    order = [node.tag for node in page.css_first("main").iter() if node.tag in ("header", "section", "footer")]
    classes = [node.attributes["class"] for node in page.css("main > section")]
    assert order == ["header", *["section"] * len(classes), "footer"]
    expected = ["answer", *["missing"] * (bool(report.gaps) + bool(report.unresolved)), "sources"]
    assert classes == expected[: None if report.evidence else -1]
    text = render_markdown(report)
    places = [text.index(part) for part in (f"# {report.question}", report.markdown.strip(), "## How this report")]
    assert places == sorted(places)


def test_the_verification_is_one_line_and_its_details_are_folded():
    page = page_of(cases.deep())
    fold = page.css_first("header details")
    line = "All 11 statements are supported by their quotes; 3 more were left out."
    assert text_of(fold.css_first("summary")) == line
    assert "open" not in fold.attributes
    assert "oci:cohere.command-a" in fold.text()
    assert render_markdown(cases.deep()).split("\n\n")[1] == f"*{line}*"


@pytest.mark.parametrize(
    ("verdicts", "left_out", "line"),
    [
        ("s", 0, "The statement is supported by its quote."),
        ("ss", 0, "All 2 statements are supported by their quotes."),
        ("su", 0, "1 of 2 statements are supported by their quotes; 1 could not be checked and is marked."),
        ("ssuu", 1, "2 of 4 statements are supported by their quotes; " + DOUBTS),
        ("u", 0, "The statement could not be checked and is marked."),
        ("uu", 2, "None of the 2 statements could be checked; all are marked; 2 more were left out."),
        ("", 0, ""),
    ],
)  # fmt: skip
def test_the_verification_line_counts_what_was_published_and_what_was_not(verdicts, left_out, line):
    names = {"s": Support.SUPPORTED, "u": Support.UNVERIFIED}
    claims = tuple(
        ReportClaim(id=str(n), text="x", section="", verdict=names[each], score=None, citations=(citation(E1, FIRST),))
        for n, each in enumerate(verdicts)
    )
    # One of those left out passed the check: what it introduced did not.
    tally = Verification(claims=len(verdicts) + left_out, unsupported=max(left_out - 1, 0), supported=1)
    assert verification_line(make_report(claims=claims, verification=tally)) == line


def test_an_unverified_claim_is_marked_and_so_is_every_piece_of_it():
    page = page_of(cases.unverified())
    marked = "".join(node.text() for node in page.css('.unverified[data-claim="1"]'))
    assert marked == "They reach ████████ by mail, once per scope and month."
    assert [node.text() for node in page.css(".doubt")] == ["unverified", "unverified"]
    assert "unverified" not in page.css_first('[data-claim="0"]').attributes["class"]
    assert "Personal data is hidden in 1 place (person)." in page.css_first("header").text()


def test_sources_are_grouped_by_document_with_section_page_and_quote():
    text = render_markdown(cases.deep())
    sources = text[text.index("## Sources") :]
    assert re.findall(r"^\*\*(.*?)\*\*: `(.*?)`", sources, re.MULTILINE) == [
        ("Price guide", "docs/sample/price-guide.pdf"),
        ("Budgets and alerts", "docs/sample/budgets-and-alerts.md"),
        ("Telemetry", "docs/sample/telemetry.html"),
    ]
    assert "- [1] On demand › Units, page 1\n\n  > On-demand Cohere and Meta" in sources
    assert "- [2] Dedicated clusters, pages 3 to 4" in sources
    assert "  ```\n  [budget]\n  month_micro_usd" in sources, "code keeps its lines"
    page = page_of(cases.deep())
    assert [text_of(each) for each in page.css(".document h3")] == ["Price guide", "Budgets and alerts", "Telemetry"]
    assert text_of(page.css_first("#source-2 .where")) == "Dedicated clusters · pages 3 to 4"
    assert text_of(page_of(cases.conflict()).css_first(".edition")) == "2026-03-02, version 4"


def test_the_answer_of_a_chat_client_ends_with_what_is_open_and_a_line_per_document():
    answer = render_answer(cases.conflict())
    assert answer.startswith("The documents disagree.")
    assert answer.split("\n\n")[1:] == [
        "## What the documents do not say",
        "- Which of the documents is in force",
        "## Sources",
        "- Rate tiers, `docs/sample/rate-tiers.txt`: [1]\n- Rate tiers (2025), `archive/rate-tiers-2025.txt`: [2]",
    ]
    assert page_of(cases.conflict()).css_first("template").text() == "" or answer in render_html(cases.conflict())
    assert render_text(cases.conflict()).endswith("*The statement is supported by its quotes.*")


def test_what_the_guards_kept_from_the_models_is_told_by_number_and_reason():
    told = [
        ("fenced", "E9: prompt_injection"),
        ("fenced", "E8: prompt_injection"),
        ("dropped", "E7: off_topic_request"),
    ]
    events = tuple(Event(node="guard_evidence", kind=f"passage_{kind}", detail=detail) for kind, detail in told)
    report = make_report(events=events, unresolved=("1 sentence",), policy=PolicyRef(version="7", hash="ab" * 32))
    lines = ["1 sentence", "1 passage that a guard dropped: off topic request"]
    lines.append("2 passages that a guard withheld in part: prompt injection")
    assert "## What was left out\n\n" + "\n".join(f"- {line}" for line in lines) in render_text(report)
    assert all(line in text_of(page_of(report).css_first("body")) for line in lines)
    assert "- Policy: version 7, hash abababababab\n" in render_markdown(report)


def test_a_report_without_an_answer_says_why_and_shows_no_empty_part():
    for case, said in (
        (cases.abstention, "Not answered: the documents hold nothing that answers it"),
        (cases.refusal, "Refused: a guard objects: prompt injection"),
    ):
        page = page_of(case())
        assert text_of(page.css_first(".badge")) == said
        assert page.css(".sources, .check") == []
        assert f"*{said}.*" in render_markdown(case())
        assert "## Sources" not in render_text(case())


def test_provenance_is_folded_and_tells_the_roles_with_their_prompts_and_use():
    fold = page_of(cases.deep()).css_first("footer details")
    assert "open" not in fold.attributes
    used = "1 call, 900 tokens in, 80 out, 0.0014 USD"
    assert [text_of(each) for each in fold.css("dl")[1].css("dd")] == [
        f"oci:meta.llama-4, prompt 1f0c99ab, {used}",
        "oci:cohere.command-a, prompt 77aa01bc",
    ]
    for fact in ("default, version 3 (24 documents, 91 passages)", "t-3f05c7e44d3a", "r-12"):
        assert fact in fold.text()
    assert f"- researcher: oci:meta.llama-4, prompt 1f0c99ab, {used}" in render_markdown(cases.deep())


def test_a_role_without_a_model_is_not_told():
    report = cases.deep().model_copy(update={"prompts": {"judge": "aa11bb22", "writer": "77aa01bc"}})
    assert [role for role, *_ in roles(report)] == ["researcher", "writer"]
    judged = report.model_copy(update={"models": {"judge": "oci:judge"}, "usage_by_role": {"rest": Usage(calls=1)}})
    assert next(roles(judged))[:3] == ("judge", "oci:judge", "aa11bb22")
    assert [role for role, *_ in roles(judged)] == ["judge", "rest"]


def test_one_is_no_plural():
    one = CorpusRef(name="c", version=1, documents=1, passages=1)
    usage = Usage(calls=1, input_tokens=1, output_tokens=1, cost_micro_usd=1)
    report = cases.deep().model_copy(update={"research_rounds": 1, "revisions": 1, "corpus": one, "usage": usage})
    facts = dict(run_facts(report))
    assert facts["Corpus"] == "c, version 1 (1 document, 1 passage)"
    assert facts["Usage"] == "1 call, 1 token in, 1 out, 0.000001 USD"
    assert facts["Loops"] == "1 research round, 1 revision"


def test_tables_lists_code_and_quotes_of_the_answer_keep_their_shape():
    page = page_of(cases.table())
    assert [len(row.css("th, td")) for row in page.css("#answer tr")] == [4, 4, 4]
    assert len(page.css("#answer li li")) == 1
    deep = page_of(cases.deep())
    assert deep.css_first("#answer pre code").attributes["class"] == "language-toml"
    assert [text_of(each) for each in deep.css("#answer h2")] == ["Prices", "The budget", "Records"]
    assert deep.css_first("#answer blockquote a.cite").text() == "3"
    assert deep.css_first('#answer div.claim[data-claim="6"] pre')
    scrolling = {"Code": deep.css_first("#answer pre"), "Table": page.css_first("#answer .wide")}
    for label, element in scrolling.items():  # whoever has no mouse scrolls them, too
        assert (element.attributes["aria-label"], element.attributes["tabindex"]) == (label, "0")


def test_a_first_heading_in_the_answer_stands_below_the_question():
    page = page_of(make_report(markdown=f"# Planes\n\n## Layers\n\n{FIRST} [1]"))
    assert [(each.tag, text_of(each)) for each in page.css("#answer h2, #answer h3")] == [
        ("h2", "Planes"),
        ("h3", "Layers"),
    ]


def test_hostile_text_stays_text():
    claim = ReportClaim(
        id="c1", text=HOSTILE, section=HOSTILE, verdict="supported", score=1, citations=(citation(E1, FIRST),)
    )
    report = make_report(
        question=HOSTILE,
        claims=(claim,),
        markdown=f"## {HOSTILE}\n\n{HOSTILE} [1]",
        gaps=(HOSTILE,),
        unresolved=(HOSTILE,),
        models={HOSTILE: HOSTILE},
    )
    html = render_html(report)
    assert html.count("<script>") == 1
    assert "<img" not in html
    assert "\x1b" not in html
    allowed = {"#cite-1", "#source-1", "#source-2"}
    assert set(re.findall(r'href="([^"]*)"', html)) <= allowed
    assert page_of(report).css_first("main > footer"), "no element was closed by a text"


def test_document_text_around_the_answer_is_no_markup_in_markdown():
    words = "# <img src=x onerror=alert(1)> ![p](http://p.example/p.png) [now](javascript:x) <https://u.io> `a` *b* 1|2"
    page = Page(words, "a`b](javascript:x).md", PRICES.text, (words, words), page=1)
    quote = "Embedding models are priced in the same unit."
    report = built(
        words, {1: page}, [Said("Embedding has the unit [1].", {1: quote})], gaps=(words,), unresolved=(words,)
    )
    for text in (render_markdown(report), render_answer(report), render_text(report)):
        html = render_markdown_html(text)
        assert not html.css("img, a, script"), "neither picture nor link"
        assert "<img" not in text
        assert {each.text() for each in html.css("h1, h2")} <= {
            html.css_first("h1, h2").text(), "What the documents do not say", "What was left out", "Sources",
            "How this report was made",
        }  # fmt: skip


def render_markdown_html(text):
    from markdown_it import MarkdownIt

    return LexborHTMLParser(MarkdownIt("commonmark", {"html": True}).render(text))


def test_the_page_names_no_external_resource_and_runs_one_script():
    html = render_html(make_report())
    assert not re.findall(r"""(?:src|href)="[^#"]""", html)
    policy = page_of(make_report()).css_first("meta[http-equiv]").attributes["content"]
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-")
    assert "url(" not in html
    assert "@import" not in html
    assert not re.findall(r"\son[a-z]+=", html)


def test_write_report_writes_three_whole_files_and_leaves_nothing_else(tmp_path):
    folder = tmp_path / "deep" / "out"
    paths = write_report(make_report(), folder)
    assert write_report(make_report(), folder) == paths
    assert sorted(path.name for path in folder.iterdir()) == ["report.html", "report.json", "report.md"]
    assert Report.model_validate_json((folder / "report.json").read_bytes()) == make_report()


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    write_report(make_report(), tmp_path)
    monkeypatch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError(28, "full")))
    with pytest.raises(OSError, match="full"):
        write_report(make_report(question="new"), tmp_path)
    assert "What are the planes?" in (tmp_path / "report.md").read_text()
    assert len(list(tmp_path.iterdir())) == 3


def test_quotes_that_follow_each_other_are_one_paragraph_and_a_part_of_a_quote_is_not_shown_again():
    first, second, part = "The free tier allows 60 requests", "and 100,000 characters a minute.", "allows 60 requests"
    last = "Limits are counted over a moving window of one minute."
    said = [Said(f"{n} [1]. ", {1: quote}) for n, quote in enumerate((last, second, part, first))]
    report = built("q", {1: cases.TIERS}, said)
    assert render_markdown(report).count("  > ") == 2
    page = page_of(report)
    assert [text_of(each) for each in page.css("blockquote")] == [f"{first} {second}", last]
    described = [page.css_first(f"#{cite.attributes['aria-describedby']}").text() for cite in page.css("a.cite")]
    assert described == [last, second, first, first]


def test_items_of_a_list_and_rows_of_a_table_keep_their_lines_in_quotes():
    items = "The steps are:\n- Create the\n  folder.\n2. Grant READ."
    page = Page("Steps", "steps.md", f"{items}\n\n| a | 1 |\n| b | 2 |\n- one\n- two")
    quotes = (items, "| a | 1 |\n| b | 2 |", "- one", "- two")
    report = built("q", {1: page}, [Said(f"{n} [1]. ", {1: quote}) for n, quote in enumerate(quotes)])
    shown = ["The steps are:<br>- Create the folder.<br>2. Grant READ.", "| a | 1 |<br>| b | 2 |", "- one", "- two"]
    assert [each.inner_html for each in page_of(report).css("blockquote > span")] == shown
    text = render_markdown(report)
    assert "  > The steps are:\\\n  > \\- Create the folder.\\\n  > 2\\. Grant READ.\n" in text
    assert "  > | a | 1 |\\\n  > | b | 2 |\n" in text


def test_passages_of_one_section_share_its_name_in_a_short_list():
    pages = {n: Page("T", "t.md", PRICES.text, ("T", "Prices" if n != 2 else "Units")) for n in (1, 2, 3)}
    quote = "Embedding models are priced in the same unit."
    report = built("q", pages, [Said("x [1][2][3]", dict.fromkeys(pages, quote))])
    assert render_answer(report).splitlines()[-1] == "- T, `t.md`: [1][3] Prices; [2] Units"


def test_a_report_of_the_built_in_model_says_that_it_is_a_compilation():
    built_in = make_report(models={"writer": "extractive"})
    for shown in (render_markdown(built_in), render_text(built_in), render_html(built_in)):
        assert shown.count(COMPILED) == 1
    for other in (make_report(models={"writer": "oci"}), make_report(models={"writer": "extractive"}, claims=())):
        assert COMPILED not in render_markdown(other) + render_text(other) + render_html(other)


def test_each_row_with_named_cells_is_a_quote_by_itself():
    text = "Tier: Free; Limit: 60\nTier: Paid; Limit: 600\n\nBoth are counted. By the minute."
    quotes = (*text.split("\n")[:2], "Both are counted.", "By the minute.")
    item = make_report().evidence[0].model_copy(update={"text": text, "start": 0, "end": len(text)})
    cited = tuple(
        ReportCitation(evidence_id=item.id, start=(at := text.index(quote)), end=at + len(quote), quote=quote)
        for quote in quotes
    )
    report = make_report()
    claims = (report.claims[1].model_copy(update={"citations": cited}),)
    found = paragraphs_of(report.model_copy(update={"claims": claims, "evidence": (item,)}), item)
    assert [[quote for _, _, quote in paragraph] for paragraph in found[:2]] == [[quotes[0]], [quotes[1]]]
    assert found[-1][-1][2] == "By the minute."
