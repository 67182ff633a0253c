"""The extractive model, role by role, through the prompts that the nodes write."""

import hashlib
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.embeddings import Embeddings
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from pydantic import BaseModel

from gateway.extractive import analysis, ranker
from gateway.extractive.analysis import best_of
from gateway.extractive.chat import ExtractiveChatModel
from gateway.extractive.conversation import NO_EVIDENCE
from gateway.extractive.named_terms import PassageWords, names
from gateway.extractive.plan import reworded, split
from gateway.extractive.ranker import trained_ranker
from gateway.extractive.ranking import words
from gateway.extractive.reading import candidates
from gateway.extractive.terms.asked import kinds_of
from gateway.extractive.train import RISING
from state.errors import DependencyUnavailable, UnsupportedSchema
from state.evidence_block import EvidenceItem
from state.prompt_fields import render_fields
from state.roles import Analysis, Decision, JudgedReview, ResearchPlan, Review, Verdicts
from state.sentences import sentences

GARDA = EvidenceItem(
    alias="E1",
    title="Lake Garda",
    text="# Lake Garda\nLake Garda is the largest lake in Italy. It reaches a depth of 346 metres.\n\n- Trout.",
)
COMO = EvidenceItem(alias="E2", title="Lake Como", text="Lake Como is a lake of glacial origin in Lombardy.")


class BagOfWords(Embeddings):
    """Hashed word counts: similar texts are similar, without a model."""

    def embed_documents(self, texts):
        return [self.embed_query(text) for text in texts]

    def embed_query(self, text):
        row = [0.0] * 64
        for word in words(text):
            row[hashlib.sha256(word.encode("utf-8", "surrogatepass")).digest()[0] % 64] += 1.0
        norm = math.hypot(*row) or 1.0
        return [value / norm for value in row]


MODEL = ExtractiveChatModel(embeddings=BagOfWords())


def ask(schema, evidence=(), **fields):
    messages = [SystemMessage("Instructions."), HumanMessage(render_fields(fields, evidence))]
    return MODEL.with_structured_output(schema).invoke(messages)


def analyse(evidence, *questions, rounds_left=0):
    asked = [{"id": f"q{n}", "text": text} for n, text in enumerate(questions, 1)]
    return ask(Analysis, evidence, question=questions[0], sub_questions=asked, round=1, rounds_left=rounds_left)


# researcher


@pytest.mark.parametrize(
    ("question", "parts"),
    [
        ("How deep is Lake Garda?", ["How deep is Lake Garda?"]),
        (
            "Who was born later, Greg Pipes or Ma Xiaolei?",
            ["Greg Pipes: who was born later?", "Ma Xiaolei: who was born later?"],
        ),
        (
            "Do both films, Cuban Colony and Prathyartha, come from India?",
            ["Cuban Colony: do both films come from India?", "Prathyartha: do both films come from India?"],
        ),
        ("Why does SQLite lock? How do I avoid it?", ["Why does SQLite lock?", "How do I avoid it (SQLite)?"]),
        (
            "What is the difference between hybrid search and dense search?",
            ["What is hybrid search?", "What is dense search?"],
        ),
        (
            "How is data kept both encrypted and available from May 2020 to June 2021?",
            ["How is data kept both encrypted and available from May 2020 to June 2021?"],
        ),
        ("What are the costs and limits of OCI?", ["What are the costs and limits of OCI?"]),
        (
            "Are both harbours, Bath, Maine and Troy, Ohio, in one country?",
            ["Bath, Maine: are both harbours in one country?", "Troy, Ohio: are both harbours in one country?"],
        ),
        (
            "How do light boats and heavy boats differ in price and in range?",
            ["light boats: what about price and range?", "heavy boats: what about price and range?"],
        ),
        (
            "What does a ticket cost, and what does tariffing do?",
            ["What does a ticket cost?", "what does tariffing do?"],
        ),
        ("Describe the ferry; list all its sizes.", ["Describe the ferry.", "list all its (ferry) sizes."]),
        ("Who made Are You There? or Blue Fog?", ["Who made Are You There? or Blue Fog?"]),
    ],
)
def test_a_question_is_split_where_it_asks_several_things(question, parts):
    assert split(question) == parts
    assert ask(ResearchPlan, question=question, history=[], max_sub_questions=4).sub_questions == parts


def test_a_later_round_plans_only_for_the_open_gaps_in_other_words():
    gaps = ["How deep is Lake Garda?", "Who owns Lake Tahoe?", "Third gap?"]
    plan = ask(ResearchPlan, question="x y z", history=[], open_gaps=gaps, max_sub_questions=2)
    assert plan.sub_questions == ["deep about Lake Garda", "owns about Lake Tahoe"]


@pytest.mark.parametrize(
    "question", ["Who is Jaws: His Name Is Nobody?", "Who was Ernest II, Duke of Saxony?", "Did it own Oracle in 2024?"]
)
def test_another_wording_keeps_the_names_of_the_question(question):
    assert [name.core for name in names(reworded(question))] == [name.core for name in names(question)]


def test_a_request_for_everything_searches_for_the_titles_of_the_corpus():
    corpus = {"titles": ["Lake Garda", "Lake Como"], "documents": 2}
    plan = ask(ResearchPlan, question="Summarise everything, please.", history=[], corpus=corpus, max_sub_questions=4)
    assert plan.sub_questions == ["Overview: Lake Garda", "Overview: Lake Como"]
    many = {"titles": [f"Document {n}" for n in range(20)]}
    plan = ask(ResearchPlan, question="Overview for a CFO", history=[], corpus=many, max_sub_questions=4)
    assert plan.sub_questions[0] == "Overview: Document 0; Document 1; Document 2"
    assert len(plan.sub_questions) == 4
    plan = ask(ResearchPlan, question="Summarise Lake Garda", history=[], corpus=corpus, max_sub_questions=4)
    assert plan.sub_questions == ["Summarise Lake Garda"]


def test_an_overview_is_how_each_document_begins():
    analysis = analyse([GARDA, COMO], "Overview: Lake Como; Lake Garda", "Overview: Lake Tahoe")
    assert [finding.statement for finding in analysis.findings] == [
        "Lake Como is a lake of glacial origin in Lombardy.",
        "Lake Garda is the largest lake in Italy.",
        "It reaches a depth of 346 metres.",
    ]
    assert [gap.sub_question for gap in analysis.gaps] == ["q2"]


# analyzer


def test_findings_are_verbatim_sentences_of_prose_and_the_rest_is_a_gap():
    analysis = analyse([GARDA, COMO], "How many metres of depth has Lake Garda?", "Who owns Lake Tahoe?")
    assert {finding.sub_question for finding in analysis.findings} == {"q1"}
    assert "It reaches a depth of 346 metres." in [finding.statement for finding in analysis.findings]
    texts = {item.alias: item.text for item in (GARDA, COMO)}
    assert all(quote.quote in texts[quote.evidence] for each in analysis.findings for quote in each.quotes)
    (tahoe,) = [gap for gap in analysis.gaps if gap.sub_question == "q2"]
    assert "Lake Tahoe" in tahoe.missing
    assert analysis.decision is Decision.ENOUGH


def test_the_decision_follows_from_findings_gaps_and_rounds():
    assert analyse([GARDA], "How large is Lake Garda?").decision is Decision.ENOUGH
    assert analyse([GARDA], "Who owns Lake Tahoe?", rounds_left=1).decision is Decision.RESEARCH_MORE
    assert analyse([GARDA], "Who owns Lake Tahoe?").decision is Decision.NOTHING
    assert analyse([], "Who owns Lake Tahoe?").decision is Decision.NOTHING


def test_a_question_of_other_words_is_left_open_although_it_names_nothing():
    analysis = analyse([GARDA, COMO], "how do submarines talk under water?")
    assert analysis.findings == []
    assert len(analysis.gaps) == 1


def test_a_sentence_with_markers_of_its_own_is_not_quoted():
    forged = EvidenceItem(alias="E3", title="Lake Garda", text="Lake Garda is 9000 metres of depth deep. [E1] It is.")
    assert analyse([forged], "What depth has Lake Garda in metres?").findings == []


HOSTILE = st.lists(
    st.one_of(
        st.text(max_size=40),
        st.sampled_from(
            [
                "Lake Garda is deep and it is large. ",
                "\n- ",
                "\n\n",
                "\f",
                "# ",
                "1. ",
                "</evidence>",
                "[E1] ",
                '"}',
                "é́ ",
            ]
        ),
    ),
    max_size=12,
).map("".join)


@given(texts=st.lists(HOSTILE, max_size=4), question=HOSTILE)
def test_every_quote_is_a_substring_of_its_passage(texts, question):
    texts = [text.encode("utf-8", "ignore").decode() for text in texts]
    items = [EvidenceItem(alias=f"E{n}", title="Lake Garda", text=text) for n, text in enumerate(texts, 1)]
    analysis = analyse(items, "How deep is Lake Garda?", question.encode("utf-8", "ignore").decode())
    by_alias = {item.alias: item.text for item in items}
    for finding in analysis.findings:
        assert all(quote.quote in by_alias[quote.evidence] for quote in finding.quotes)
        assert finding.statement == " ".join(finding.quotes[0].quote.split())
        assert sentences(finding.statement) == [(0, len(finding.statement))]


def test_names_are_runs_of_capitals_with_their_apposition_and_parenthesis():
    assert [name.text for name in names("Who is the wife of Ernest II, Duke of Saxony, or of Jaws (1975 film)?")] == [
        "Ernest II, Duke of Saxony",
        "Jaws (1975 film)",
    ]
    assert (
        names("What Is The Capital?")
        == names("what is it?")
        == names("Explain why I need 3 of version 2.0 in May 2020.")
        == []
    )
    assert names("WHO OWNS LAKE TAHOE?") == []
    assert [name.text for name in names("Lake Tahoe")] == ["Lake Tahoe"]
    (lu,) = names("When did Lü Shao's empire fall?")
    assert lu.stands_in(PassageWords.of("", "The reign of LU Shao ended."))
    assert not lu.stands_in(PassageWords.of("", "Shao was no friend of a man named Lu."))


@pytest.mark.parametrize(
    ("question", "passage", "stands"),
    [
        ("Who leads the Brittish Museum?", "The British Museum has a director.", True),
        ("Where was P.G. Wodehouse born?", "Pelham Grenville Wodehouse was born in Guildford.", True),
        ("Where was Pelham Grenville Wodehouse born?", "P. G. Wodehouse was born in Guildford.", True),
        ("Where was P.G. Wodehouse born?", "Peter Gabriel was born in Surrey.", False),
        ("How large is the U.S. budget?", "The US budget has grown.", True),
        ("What are the units of Iran?", "The units of Iraq are these.", False),
        ("What changed in Release 23?", "Release 24 brought this.", False),
    ],
)
def test_a_slip_or_an_initial_is_still_the_name(question, passage, stands):
    (name,) = names(question)
    assert name.stands_in(PassageWords.of("", passage)) is stands


def test_a_single_noun_of_a_german_question_is_no_name():
    assert names("Wo stelle ich einen Urlaubsantrag?") == []
    assert [name.text for name in names("Wer war Angela Merkel?")] == ["Angela Merkel"]
    assert [name.text for name in names("Wie verbinde ich python-oracledb über TLS?")] == ["TLS"]


def test_the_best_sentences_are_two_of_a_document_and_none_is_there_twice():
    text = "The depth of the lake is great. A lake has depth, too. No lake has no depth. A lake has its depth."
    lakes = [EvidenceItem(alias=f"E{n}", title=f"Lake {n}", text=f"Lake {n} is deep as well. {text}") for n in (1, 2)]
    found = candidates({"question": "What is the depth of the lake?"}, lakes, 60).sentences
    best = [found[index] for index in best_of(found, [float(-n) for n in range(len(found))], 6)]
    assert sorted(each.item.alias for each in best) == ["E1", "E1", "E2", "E2"]
    assert len({each.quote for each in best}) == 4


def test_a_table_that_two_documents_hold_takes_the_place_of_no_other_excerpt():
    rows = "Limits of the service:\n\nTier: Free; Requests: 60; Price: 0\nTier: Paid; Requests: 600; Price: 9"
    texts = [rows, f"Read this first, please.\n\n{rows.replace('; ', ';   ')}", "The tier is told at the gate."]
    items = [EvidenceItem(alias=f"E{n}", title=f"Guide {n}", text=text) for n, text in enumerate(texts, 1)]
    found = candidates({"question": "What are the tiers?"}, items, 60).sentences
    order = ["Tier: Free", "Tier: Paid", "The tier"]
    ranked = sorted(range(len(found)), key=lambda n: ([*map(found[n].line.startswith, order), True].index(True), n))
    best = [found[n].item.alias for n in best_of(found, [float(-ranked.index(n)) for n in range(len(found))], 3)]
    assert best == ["E1", "E1", "E3"]


def test_an_answer_is_certain_partly_or_none_and_says_how_probable(monkeypatch):
    question = "Which is the largest lake in Italy?"
    partly = analyse([GARDA, COMO], question)
    likely = partly.probabilities["q1"]
    monkeypatch.setattr(analysis, "trained_ranker", lambda: replace(trained_ranker(), answered=likely - 0.01))
    certain = analyse([GARDA, COMO], question)
    assert (certain.gaps, certain.decision) == ([], Decision.ENOUGH)
    monkeypatch.setattr(analysis, "trained_ranker", lambda: replace(trained_ranker(), answered=likely + 0.01))
    assert analyse([GARDA, COMO], question).gaps
    assert {each.statement for each in certain.findings} <= {each.statement for each in partly.findings}
    monkeypatch.undo()
    none = analyse([GARDA, COMO], "Who owns Lake Tahoe?")
    assert (none.findings, none.probabilities) == ([], {"q1": 0.0})
    hop = analyse([GARDA, COMO], "Where is the founder of the largest lake in Italy, Lake Garda, from?")
    assert hop.findings
    assert [gap.sub_question for gap in hop.gaps] == ["q1"]
    assert hop.probabilities["q1"] < trained_ranker().answered


def test_a_broad_request_and_a_german_question_are_not_left_open_for_their_nouns():
    text = "Der Urlaubsantrag wird im Portal gestellt. Die Probezeit dauert sechs Monate."
    handbook = EvidenceItem(alias="E1", title="Handbuch", text=text)
    assert analyse([handbook], "Wo wird der Urlaubsantrag gestellt?").findings
    assert analyse([GARDA, COMO], "Summarise everything for me").findings


@pytest.mark.parametrize(
    ("question", "kinds"),
    [
        ("What is the default of prefetchrows?", {"default"}),
        ("How many boats does it keep if I set nothing?", {"number", "default"}),
        ("Wie viele Urlaubstage habe ich?", {"number"}),
        ("Why does it fail with DPY-4011?", {"cause"}),
    ],
)
def test_what_a_question_asks_for(question, kinds):
    assert kinds_of(question) == kinds


@pytest.mark.parametrize(
    "question",
    [
        "At which speed does the pump start off at?",
        "Which theme is used out of the box?",
        "What is the initial size of the pool?",
        "Which mode is active until it is changed?",
        "How many workers run if the caller gives none?",
    ],
)
def test_a_default_is_asked_for_in_many_words(question):
    assert "default" in kinds_of(question)
    assert "default" not in kinds_of("When was the bridge changed, and what starts at noon?")


def test_a_file_of_weights_for_other_features_is_refused(monkeypatch):
    monkeypatch.setattr(ranker, "FORMAT", 0)
    ranker.trained_ranker.cache_clear()
    with pytest.raises(DependencyUnavailable, match="other features"):
        trained_ranker()
    monkeypatch.undo()
    assert trained_ranker().sentence.names


def test_a_sentence_on_a_thing_of_another_name_does_not_lead():
    text = "Tariff A includes unlimited calls and a spare battery. Tariff B includes support around the clock."
    tariffs = EvidenceItem(alias="E1", title="Tariffs", text=text)
    assert analyse([tariffs], "What does Tariff B include?").findings[0].statement.startswith("Tariff B")


def test_what_is_asked_for_never_counts_against_a_sentence():
    head = trained_ranker().sentence
    assert all(weight >= 0 for name, weight in zip(head.names, head.weights, strict=True) if name in RISING)


# reviewer, judge


def test_the_review_approves_since_what_failed_is_left_out_anyway():
    claims = [{"id": "c1", "text": "x", "verdict": "unsupported"}]
    review = ask(Review, question="?", draft="x", claims=claims, coverage=0.5, gaps=[], revisions_left=1)
    assert (review.verdict, review.findings) == ("approve", [])


@pytest.mark.parametrize("schema", [Verdicts, JudgedReview])
def test_it_judges_nothing(schema):
    assert ask(schema, question="?", claims=[{"id": "c1"}]).verdicts == []


# as a chat model


def test_plain_chat_answers_from_what_was_said_before():
    said = [
        SystemMessage("Lake Garda is the largest lake in Italy."),
        HumanMessage("Which is the largest lake in Italy?"),
    ]
    assert MODEL.invoke(said).text == "Lake Garda is the largest lake in Italy."
    assert MODEL.invoke([AIMessage("Hello there."), HumanMessage("Who owns Lake Tahoe?")]).text == NO_EVIDENCE
    assert MODEL.invoke("## question\nnot json").text == NO_EVIDENCE


def test_the_raw_answer_is_the_json_with_finish_reason_usage_and_name():
    message = HumanMessage(render_fields({"question": "How deep is it?"}))
    outcome = MODEL.with_structured_output(ResearchPlan, include_raw=True).invoke([message])
    assert ResearchPlan.model_validate_json(outcome["raw"].text) == outcome["parsed"]
    assert outcome["raw"].response_metadata["finish_reason"] == "stop"
    assert outcome["raw"].response_metadata["model_name"] == "extractive"
    assert outcome["raw"].usage_metadata["input_tokens"] == len(message.text) // 4


async def test_async_gives_the_same_answer():
    message = [HumanMessage(render_fields({"question": "How deep is Lake Garda?"}, [GARDA]))]
    model = MODEL.with_structured_output(Analysis)
    assert await model.ainvoke(message) == model.invoke(message)


def test_another_schema_is_refused():
    class Other(BaseModel):
        x: int

    for schema in (Other, dict, {"type": "object"}):
        with pytest.raises(UnsupportedSchema):
            MODEL.with_structured_output(schema)
