"""The extractive writer: a direct answer, then excerpts in their shape."""

import pytest

from gateway.extractive.units import Marked, excerpts, units_of
from gateway.extractive.writing import write
from nodes.draft import claims_of, draft_claims, prepared_draft
from nodes.judge.cases import Asked, case_of, decided
from nodes.quotes import Source
from state.evidence_block import EvidenceItem
from state.values import Support
from tests.doubles.corpora import passage
from tests.gateway.extractive.test_extractive import COMO, GARDA


def finding(number, statement, sub_question, alias, excerpt):
    quotes = [{"evidence": alias, "quote": quote} for quote in (statement, excerpt)]
    return {
        "id": f"f{number}",
        "statement": statement,
        "sub_question": sub_question,
        "evidence": [alias],
        "quotes": quotes,
    }


LAKE = "Lake Garda is the largest lake in Italy. It reaches a depth of 346 metres."
FISH = "Fish live there:\n\n- Trout live in it.\n- Pike do too."
FINDINGS = [
    finding(1, "Lake Garda is the largest lake in Italy.", "q1", "E1", LAKE),
    finding(2, "Trout live in it.", "q1", "E1", FISH),
    finding(3, "Lake Como is of glacial origin.", "q2", "E2", "Lake Como is of glacial origin. Ice made it."),
]
GARDA_QUOTED = (
    "> **Lake Garda is the largest lake in Italy.** It reaches a depth of 346 metres. [E1]\n\n"
    "> Fish live there: [E1]\n>\n> - **Trout live in it.** [E1]\n> - Pike do too. [E1]"
)
COMO_QUOTED = "> **Lake Como is of glacial origin.** Ice made it. [E2]"


def draft(**fields):
    return write({"question": "?", "findings": FINDINGS, "gaps": [], **fields}, [GARDA, COMO]).markdown


def test_a_direct_answer_stands_above_the_excerpts_under_their_places():
    assert draft(findings=FINDINGS[:2]) == (
        f"Lake Garda is the largest lake in Italy. [E1]\n\n## Lake Garda\n\n{GARDA_QUOTED}"
    )
    assert draft(sections=["How large is Lake Garda?", "How deep is Lake Como?"]) == (
        "## How large is Lake Garda?\n\nLake Garda is the largest lake in Italy. [E1]\n\n"
        f"### Lake Garda\n\n{GARDA_QUOTED}\n\n"
        "## How deep is Lake Como?\n\nLake Como is of glacial origin. [E2]\n\n"
        f"### Lake Como\n\n{COMO_QUOTED}"
    )
    assert "[E" not in draft(findings=[])


def test_an_excerpt_that_answers_two_sub_questions_is_quoted_once():
    other = finding(4, "It reaches a depth of 346 metres.", "q2", "E1", LAKE)
    text = draft(findings=[FINDINGS[0], other], sections=["How large is it?", "How deep is it (Lake Garda)?"])
    assert text.count("> ") == 1
    assert "> **Lake Garda is the largest lake in Italy. It reaches a depth of 346 metres.** [E1]" in text
    assert "## How deep is it?" in text


NOTE = "Back up the wallet first. Without it the data is lost."
TITLED = [
    EvidenceItem(alias="E1", title="Lake Garda", text=f"Boats are rented here.\n\n{NOTE}"),
    EvidenceItem(alias="E2", title="Lake Como", text=NOTE.replace(" ", "\n", 3)),
]


def test_a_block_that_several_passages_hold_is_quoted_once_with_all_its_marked_sentences():
    found = [
        finding(1, "Back up the wallet first.", "q1", "E1", NOTE),
        finding(2, "Without it the data is lost.", "q1", "E2", TITLED[1].text),
    ]
    text = write({"findings": found, "gaps": []}, TITLED).markdown
    assert text.endswith("## Lake Garda\n\n> **Back up the wallet first. Without it the data is lost.** [E1]")
    assert text.count("> ") == 1
    longer = finding(2, "Boats are rented here.", "q1", "E2", f"Boats are rented here.\n\n{NOTE}")
    whole = write({"findings": [found[0], longer], "gaps": []}, TITLED).markdown
    assert "> **Boats are rented here.** [E2]\n>\n> **Back up the wallet first.** Without it" in whole
    assert "[E1]" not in whole


def test_the_same_words_of_two_documents_are_both_quoted_where_each_answers_its_own_sub_question():
    found = [finding(n, "Back up the wallet first.", f"q{n}", f"E{n}", TITLED[n - 1].text) for n in (1, 2)]
    text = write({"findings": found, "sections": ["And Garda?", "And Como?"], "gaps": []}, TITLED).markdown
    assert "### Lake Garda\n\n" in text
    assert "### Lake Como\n\n" in text


def test_two_rows_of_a_direct_answer_stand_apart():
    rows = "Tier: Free; Limit: 60; Cost: 0\nTier: Paid; Limit: 600; Cost: 9"
    found = [finding(n, row, "q1", "E1", rows) for n, row in enumerate(rows.split("\n"))]
    assert draft(findings=found).startswith(
        "Tier: Free; Limit: 60; Cost: 0. [E1]\n\nTier: Paid; Limit: 600; Cost: 9. [E1]"
    )


def test_a_sub_question_with_a_gap_gets_the_closest_passages_and_no_direct_answer():
    gap = {"sub_question": "q2", "missing": "The corpus does not answer a part of the question: ?"}
    assert draft(findings=FINDINGS[2:], gaps=[gap]) == f"## Closest passages\n\n### Lake Como\n\n{COMO_QUOTED}"
    both = draft(sections=["How large is Lake Garda?", "How deep is Lake Como?"], gaps=[gap])
    assert both.count("Closest passages") == 1
    assert "Lake Garda is the largest lake in Italy. [E1]\n\n### Lake Garda" in both
    assert both.endswith(f"## How deep is Lake Como?\n\n### Closest passages\n\n#### Lake Como\n\n{COMO_QUOTED}")


def test_the_rounds_of_one_question_share_the_heading_of_the_closest_passages():
    found = [finding(1, "Lake Garda is deep.", "q1", "E1", "Lake Garda is deep."), *FINDINGS[2:]]
    text = draft(findings=found, gaps=[{"sub_question": key, "missing": "How deep?"} for key in ("q1", "q2")])
    assert [line for line in text.splitlines() if line.startswith("#")] == [
        "## Closest passages",
        "### Lake Como",
        "### Lake Garda",
    ]


def test_the_length_decides_how_many_excerpts_are_quoted():
    many = [
        finding(n, f"Lake number {n} is a lake.", "q1", "E1", f"Lake number {n} is a lake. It is wet.")
        for n in range(9)
    ]
    counts = {length: draft(findings=many, length=length).count("\n> ") for length in ("brief", "standard", "deep")}
    assert counts == {"brief": 1, "standard": 6, "deep": 9}


@pytest.mark.parametrize(
    ("statement", "excerpt"),
    [
        ("It reaches a depth of 346 metres.", LAKE),
        ("Trout live in it.", FISH),
        ("Fish live there:", FISH),
        ("Call the office.", "To rent a boat:\n\n1. Call the office.\n2. Pay."),
    ],
)
def test_what_says_nothing_alone_is_no_direct_answer(statement, excerpt):
    text = draft(findings=[finding(1, statement, "q1", "E1", excerpt)])
    assert text.startswith("## Lake Garda\n\n> ")
    assert f"**{statement}**" in text


def test_code_is_quoted_as_code_and_rows_as_they_stand():
    code = "Create a pool. For example:\n\n    pool = create_pool()\n    if pool:\n        pool.close()"
    assert draft(findings=[finding(1, "Create a pool.", "q1", "E1", code)]).endswith(
        "> **Create a pool.** For example: [E1]\n>\n> ```\n> pool = create_pool()\n> if pool:\n"
        ">     pool.close()\n> ```\n>\n> [E1]"
    )
    rows = "Tier: Free; Limit: 60; Cost: 0\nTier: Paid; Limit: 600; Cost: 9"
    assert draft(findings=[finding(1, "Tier: Paid; Limit: 600; Cost: 9", "q1", "E1", rows)]).endswith(
        "> - Tier: Free; Limit: 60; Cost: 0 [E1]\n> - **Tier: Paid; Limit: 600; Cost: 9** [E1]"
    )
    steps = "Do this:\n\n1. Load it:\n\n    load()\n\n2. Start it."
    assert draft(findings=[finding(1, "Start it.", "q1", "E1", steps)]).endswith(
        "> 1. Load it: [E1]\n>\n>    ```\n>    load()\n>    ```\n>\n>    [E1]\n>\n> 2. **Start it.** [E1]"
    )


@pytest.mark.parametrize(
    "text",
    [
        "Take + 1. no *item* at all.",
        "a <b>tag</b> & `code` [x](y) here, _so_ it is.",
        "湖很大，水很深。",
        "Is a_b_c ~~it~~ | 5 > 4?!",
    ],
)
def test_a_quoted_sentence_is_shown_as_it_stands(text):
    shown = prepared_draft(draft(findings=[finding(1, text, "q1", "E3", text)]))
    claims = [claim.text for claim in draft_claims(shown) if claim.kind.states]
    assert {" ".join(claim.split()) for claim in claims} == {text}


def test_a_revision_drops_what_was_objected_to_and_follows_the_person_without_copying():
    objection = {"claim": "Trout live in it. [E1]", "severity": "major", "remedy": "Drop it."}
    assert "Trout" not in draft(review=[{**objection, "claim": "Trout live in it"}])
    assert "Trout" in draft(review=[{**objection, "severity": "minor"}])
    only = draft(person="Write about trout, and that SECRET thing")
    assert "largest lake" not in only
    assert "SECRET" not in only
    assert draft(person="unrelated") == draft()


def test_the_best_sentence_of_a_sub_question_is_its_direct_answer_though_another_one_has_it_too():
    second = finding(4, "It reaches a depth of 346 metres.", "q2", "E1", LAKE)
    text = draft(
        findings=[FINDINGS[0], {**FINDINGS[0], "id": "f9", "sub_question": "q2"}, second], sections=["A?", "B?"]
    )
    assert text.split("## B?")[1].strip().startswith("Lake Garda is the largest lake in Italy.")


def test_a_number_that_does_not_follow_begins_a_list_of_its_own():
    codes = "The codes are:\n\n401. No token is sent.\n403. No role may read.\n404. No page is there."
    text = draft(findings=[finding(1, "No role may read.", "q1", "E1", codes)])
    assert "> 401. No token is sent. [E1]\n> 403) **No role may read.** [E1]\n> 404) No page is there. [E1]" in text


def test_the_title_of_a_table_is_not_quoted_below_itself():
    rows = "Lake Garda\n\nTier: Free; Limit: 60; Cost: 0\nTier: Paid; Limit: 600; Cost: 9"
    text = draft(findings=[finding(1, "Tier: Free; Limit: 60; Cost: 0", "q1", "E1", rows)])
    assert "> Lake Garda" not in text
    assert "> - **Tier: Free; Limit: 60; Cost: 0** [E1]" in text


TEXTS = [
    "Supported levels:\n\n- Low\n- High\n\nSample Index\n\nThe index holds 20 rows.",
    "Do one of these:\n\nStop the server\n\nor:\n\nFreeze the disk\n\nThen copy the files to another place.",
    "The call is short.\n\nFor example:\n\n    pool.close(force=True)\n\nIt returns at once.",
    "1. Create a group.\n\n2. Add the statements:\n\n    Allow group a to read b\n\n    Allow group a to use c",
    "Shape: A1; Memory: 24 GB\nShape: A2; Memory: 48 GB",
    "ABC-12: the disk is full\n\nCause: Too many logs were kept.\n\nAction: Do this:\n\n- delete logs\n- restart it",
    "Set up:\n\n- A size:\n\n  - The least.\n\n   It opens at once.\n\n  Both count.\n\n      pool(1, 4)\n\n- Connect.",
    "Closing a pool\n\n    pool.close(force=True)\n\nArraysize\n\nThis is the number of rows that a call fetches.",
    "Saving outputs\n\nSee also:\n\nOther outputs\n\nVariables of the service",
]


@pytest.mark.parametrize("text", TEXTS)
def test_nothing_that_the_writer_quotes_is_left_unverified(text):
    item = EvidenceItem(alias="E1", title="Manual", text=text)
    sources = {"E1": Source("E1", passage("Manual", text))}
    units = units_of(item)
    assert units
    for excerpt in excerpts(Marked(unit, span) for unit in units for span in unit.sentences):
        found = [finding(n, text[slice(*span)], "q1", "E1", excerpt.text) for n, span in enumerate(excerpt.marked)]
        drafted = draft_claims(prepared_draft(write({"question": "?", "findings": found}, [item]).markdown))
        for claim, each in zip(claims_of(drafted), drafted, strict=True):
            case = case_of(claim, each.aliases, sources, Asked(), each.quotation)
            assert decided(case).verdict is Support.SUPPORTED, claim.text


def test_a_nested_list_keeps_its_shape():
    said = (
        "Set it up:\n\n- Choose a size:\n\n  - The least.\n\n   It opens at once.\n\n  - The most.\n\n"
        "  Both are numbers.\n\n      pool(1, 4)\n\n- Connect."
    )
    item = EvidenceItem(alias="E1", title="Pools", text=said)
    body = write({"findings": [finding(1, "Connect.", "q1", "E1", said)], "gaps": [{"sub_question": "q1"}]}, [item])
    assert body.markdown.partition("## Pools\n\n")[2] == (
        "> Set it up: [E1]\n>\n> - Choose a size: [E1]\n>    - The least. [E1]\n>\n>       It opens at once. [E1]\n>\n"
        ">    - The most. [E1]\n>\n>    Both are numbers. [E1]\n>\n"
        ">    ```\n>    pool(1, 4)\n>    ```\n>\n>    [E1]\n>\n> - **Connect.** [E1]"
    )
