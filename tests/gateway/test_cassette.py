"""The cassette model outside a run: its files, what it refuses, and how it compares prompts."""

from __future__ import annotations

from pathlib import Path

import pytest
from langchain_core.messages import HumanMessage, SystemMessage

from gateway import Gateway, Ledger
from gateway.cassette.chat import CassetteChatModel, Shelf
from gateway.cassette.places import begun_by, holders, loose, plain
from gateway.cassette.recording import difference, in_order, recorded, rendered
from gateway.cassette.replay import Replay
from gateway.cassette.tape import load_cassette, with_aliases
from observability import collected_notices
from settings import Settings
from state.channels import ResearchContext
from state.errors import CassetteUnusable
from state.evidence_block import EvidenceItem
from state.prompt_fields import render_fields
from state.roles import Analysis, JudgedReview, ResearchPlan, Review, Verdicts, WrittenDraft
from state.values import Role, Support

TAPE = """
question = "How high is the tower?"
documents = ["docs/tower"]
shows = "paraphrase"
status = "answered"

[passages]
height = "is 90 metres high"
age = "was built in 1890"

[[researcher]]
standalone_question = "How high is the tower?"
sub_questions = ["How high is the tower?"]

[[analyzer]]
decision = "enough"
findings = [{ statement = "90 metres.", sub_question = "q1", quotes = [
  { evidence = "height", quote = "The tower [1] is 90 metres high." } ] }]

[[writer]]
markdown = "The tower rises **90 metres** [@height]. It is old [@age, @height]. It is blue [E99]."

[[judge]]
verdicts = [
  { claim = "The tower rises 90", verdict = "supported", carried_by = ["height"], reason = "It says so." },
  { claim = "It is old", verdict = "supported", carried_by = ["age"], reason = "1890." },
]

[[reviewer]]
verdict = "revise"
findings = [{ claim = "It is old", severity = "minor", remedy = "say how old" }]
"""

PASSAGES = [
    EvidenceItem(alias="E4", title="Tower", text="The tower ⟦1⟧ is 90 metres\nhigh.", score=0.91),
    EvidenceItem(alias="E7", title="Tower", text="It was built in 1890.", score=0.9),
]
TWIN = PASSAGES[0].model_copy(update={"alias": "E5"})
CLAIMS = [
    {"id": "c1", "text": "The tower rises 90 metres.", "quotes": [{"id": "c1a", "evidence": "E4", "quote": "…"}]},
    {
        "id": "c2",
        "text": "It is old.",
        "quotes": [{"id": "c2a", "evidence": "E7", "quote": "…"}, {"id": "c2b", "evidence": "E4", "quote": "…"}],
    },
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "tower.toml").write_text(TAPE)
    return tmp_path


@pytest.fixture
def replay(folder: Path) -> Replay:
    return Replay(load_cassette(folder, "tower"))


def prompt(fields, evidence=(), system="Do it."):
    return [SystemMessage(system), HumanMessage(render_fields(fields, evidence))]


PLAN = prompt({"question": "How high is the tower?", "history": [], "today": "2026-11-27"})


def answer(replay, schema, fields, evidence=()):
    return schema.model_validate_json(replay.answer(prompt(fields, evidence), schema.__name__))


def test_each_role_gets_its_answer_with_handles_and_beginnings_resolved(replay):
    assert ResearchPlan.model_validate_json(replay.answer(PLAN, "ResearchPlan")).sub_questions == [
        "How high is the tower?"
    ]
    found = answer(replay, Analysis, {}, PASSAGES).findings[0].quotes[0]
    assert (found.evidence, found.quote) == ("E4", "The tower ⟦1⟧ is 90 metres high.")
    drafted = answer(replay, WrittenDraft, {}, PASSAGES).markdown
    assert drafted == "The tower rises **90 metres** [E4]. It is old [E7, E4]. It is blue [E99]."
    judged = answer(replay, JudgedReview, {"claims": CLAIMS})
    assert [(each.claim, each.verdict, each.carried_by) for each in judged.verdicts] == [
        ("c1", Support.SUPPORTED, ["c1a"]),
        ("c2", Support.SUPPORTED, ["c2a"]),
    ]
    assert (judged.verdict, judged.findings[0].claim_id) == ("revise", "c2")
    assert [each.label for each in replay.asked] == ["researcher 1", "analyzer 1", "writer 1", "judge and reviewer 1"]


def test_a_writer_that_is_asked_for_bare_text_answers_with_the_draft_alone(replay):
    assert replay.answer(prompt({}, PASSAGES), "").startswith("The tower rises")


def test_judge_and_reviewer_answer_one_by_one_as_well(replay):
    answer(replay, Analysis, {}, PASSAGES)
    assert len(answer(replay, Verdicts, {"claims": CLAIMS}).verdicts) == 2
    assert answer(replay, Review, {"claims": CLAIMS}).verdict == "revise"


def test_a_later_round_of_verdicts_falls_back_on_earlier_ones(replay):
    answer(replay, Analysis, {}, PASSAGES)
    answer(replay, Verdicts, {"claims": CLAIMS[:1]})
    assert answer(replay, Verdicts, {"claims": CLAIMS[1:]}).verdicts[0].claim == "c2"


@pytest.mark.parametrize(
    ("schema", "fields", "evidence", "said", "remedy"),
    [
        ("ResearchPlan", {"question": "How old is the tower?"}, (), "the run asks another question", "ask: How high"),
        (
            "ResearchPlan",
            {"question": "How high is the tower?", "history": [{"question": "Which?", "answer": "That."}]},
            (),
            "the run's conversation differs",
            "on a new thread",
        ),
        ("Analysis", {}, PASSAGES[1:], "0 of the 1 passages that the analyzer was shown hold", "ingest the cassette's"),
        ("WrittenDraft", {}, PASSAGES[:1], "0 of the 1 passages that the writer was shown hold", "ingest"),
        (
            "Analysis",
            {},
            [PASSAGES[0], PASSAGES[0].model_copy(update={"alias": "E5"})],
            "2 of the 2 passages",
            "ingest",
        ),
        ("Verdicts", {"claims": [{"id": "c9", "text": "It is red.", "quotes": []}]}, (), "'It is red.'", "[[judge]]"),
        ("Verdict", {}, (), "no answers in `Verdict`", "roles' schemas"),
    ],
)
def test_what_it_has_no_answer_for_names_the_cassette_and_the_remedy(replay, schema, fields, evidence, said, remedy):
    with pytest.raises(CassetteUnusable) as caught:
        replay.answer(prompt(fields, evidence), schema)
    assert caught.value.message.startswith("cassette 'tower': ")
    assert said in caught.value.message
    assert remedy in caught.value.hint


def test_a_role_that_is_asked_more_often_than_written_is_an_error_and_its_prompt_is_kept(replay):
    replay.answer(PLAN, "ResearchPlan")
    with pytest.raises(CassetteUnusable, match="holds 1 answers of the researcher, and the run asks once more"):
        replay.answer(PLAN, "ResearchPlan")
    assert replay.asked[-1].label == "researcher 2"


def test_parts_of_a_draft_that_are_judged_at_once_are_recorded_in_the_order_of_their_claims(replay):
    answer(replay, Analysis, {}, PASSAGES)
    for part in (CLAIMS[1:], CLAIMS[:1], CLAIMS[1:]):
        answer(replay, Verdicts, {"claims": part})
    labels = ["analyzer 1", "judge of c1 1", "judge of c2 1", "judge of c2 2"]
    assert [call.label for call in in_order(replay.asked)] == labels
    assert rendered("tower", replay.asked).count("<!-- call: ") == 4


def test_verdicts_on_an_earlier_draft_are_not_those_of_a_later_one(folder):
    again = TAPE.replace(
        "[[reviewer]]",
        """[[writer]]
markdown = "It is old [@age]."

[[judge]]
verdicts = [{ claim = "It is old", verdict = "unsupported" }]

[[reviewer]]""",
    )
    (folder / "tower.toml").write_text(again)
    replay = Replay(load_cassette(folder, "tower"))
    found = []
    for _ in range(2):
        answer(replay, WrittenDraft, {}, PASSAGES)
        found += [answer(replay, Verdicts, {"claims": part}).verdicts[0].verdict for part in (CLAIMS[:1], CLAIMS[1:])]
    assert found == ["supported", "supported", "supported", "unsupported"]


def test_verdicts_are_carried_by_quotes_of_the_prompt_only(replay):
    answer(replay, Analysis, {}, PASSAGES)
    lacking = [{**CLAIMS[1], "quotes": CLAIMS[1]["quotes"][1:]}]
    with pytest.raises(CassetteUnusable, match="carried by 'age', which is not among its quotes"):
        replay.answer(prompt({"claims": lacking}), "Verdicts")


def test_a_verdict_may_name_the_quotes_of_a_passage_by_their_words(folder):
    (folder / "tower.toml").write_text(TAPE.replace('carried_by = ["age"]', 'carried_by = ["age: in 1890"]'))
    replay = Replay(load_cassette(folder, "tower"))
    answer(replay, Analysis, {}, PASSAGES)
    quotes = [
        {"id": "c2a", "evidence": "E7", "quote": "It has a door."},
        {"id": "c2b", "evidence": "E7", "quote": "It was built\nin 1890."},
        {"id": "c2c", "evidence": "E4", "quote": "Another was built in 1890."},
    ]
    judged = answer(replay, Verdicts, {"claims": [{**CLAIMS[1], "quotes": quotes}]})
    assert judged.verdicts[0].carried_by == ["c2b"]
    with pytest.raises(CassetteUnusable, match="the judge is not shown 'in 1890', which carries 'It is old'"):
        replay.answer(prompt({"claims": [{**CLAIMS[1], "quotes": quotes[:1]}]}), "Verdicts")


def test_two_claims_with_one_beginning_are_an_error(replay):
    answer(replay, Analysis, {}, PASSAGES)
    twice = [CLAIMS[1], {**CLAIMS[1], "id": "c3", "text": "It is old and tall."}]
    with pytest.raises(CassetteUnusable, match="two claims begin with 'It is old'"):
        replay.answer(prompt({"claims": twice}), "Verdicts")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("question = ", "is not valid"),
        (TAPE.replace("[@age, @height]", "[@roof]"), "[passages] lacks 'roof'"),
        (TAPE.replace('evidence = "height"', 'evidence = "roof"'), "[passages] lacks 'roof'"),
        (TAPE.replace("shows", "show"), "`show` is not a known field"),
        (TAPE.replace("reason = ", "because = "), "because` is not a known field"),
        (TAPE.replace('status = "answered"', 'status = "done"'), "`status` must be '"),
        (f'{TAPE}\n[[mark]]\nsentence = "It"\ntrue = false\n', "a false sentence has a `fault`"),
        (TAPE.replace('shows = "', 'context = { colour = "red" }\nshows = "'), "colour"),
    ],
)
def test_an_invalid_file_is_named_with_its_fault(folder, text, said):
    (folder / "tower.toml").write_text(text)
    with pytest.raises(CassetteUnusable, match="the cassette 'tower' is not valid") as caught:
        load_cassette(folder, "tower")
    assert said in caught.value.message
    assert "tower.toml" in caught.value.hint


@pytest.mark.parametrize("name", ["../tower", "Tower", "", "a/b", "tower.toml"])
def test_a_name_cannot_leave_the_folder(folder, name):
    with pytest.raises(CassetteUnusable, match="is no name of a cassette"):
        load_cassette(folder, name)


def test_a_missing_cassette_is_refused_before_a_run_begins(folder):
    settings = Settings(home=folder / "home", models={"cassettes": folder})
    gateway = Gateway(settings, ledger=Ledger(settings), embeddings=None)
    assert gateway.model_id(Role.WRITER, ResearchContext(model="cassette:tower")) == "cassette:tower"
    assert gateway.catalog.get("cassette:tower").cost(10_000, 10_000) == 0
    with pytest.raises(CassetteUnusable, match="there is no cassette 'castle'"):
        gateway.model_id(Role.WRITER, ResearchContext(model="cassette:castle"))


def test_models_of_one_run_share_their_place_and_another_run_begins_anew(folder):
    shelf = Shelf(folder)
    one, judge = shelf.model("cassette:tower", "t", "r1"), shelf.model("cassette:tower#judge", "t", "r1")
    assert one.replay is judge.replay
    assert shelf.model("cassette:tower", "t", "r2").replay is not one.replay
    shelf.end("t", "r1")
    assert shelf.model("cassette:tower", "t", "r1").replay is not one.replay


def test_prompts_survive_a_recording(folder, replay):
    replay.answer(PLAN, "ResearchPlan")
    replay.answer(prompt({"question": "q"}, PASSAGES), "Analysis")
    (folder / "tower.prompts.md").write_text(rendered("tower", replay.asked))
    assert recorded(folder, "tower") == {each.label: each.text for each in replay.asked}
    assert "The tower ⟦1⟧ is 90 metres\n    high." in replay.asked[1].text


def test_nonces_dates_scores_order_and_aliases_make_no_difference(folder):
    def asked(order, aliases, score, today):
        replay = Replay(load_cassette(folder, "tower"))
        items = [
            PASSAGES[n].model_copy(update={"alias": alias, "score": score})
            for n, alias in zip(order, aliases, strict=True)
        ]
        replay.answer(
            prompt({"today": today, "cited": aliases[order.index(0)], "claims": [{"score": score}]}, items), "Analysis"
        )
        return replay.asked[0].text

    one = asked([0, 1], ["E1", "E2"], 0.5, "2026-01-01")
    assert one == asked([1, 0], ["E9", "E12"], 0.75, "2027-12-31")
    assert "2026" not in one


def test_a_changed_word_of_a_prompt_is_a_difference(replay):
    def text(system, question):
        asked = Replay(replay.cassette)
        with pytest.raises(CassetteUnusable):
            asked.answer(prompt({"question": question}, system=system), "ResearchPlan")
        return asked.asked[0].text

    before = text("Do it.", "q1")
    assert "-Do it.\n+Do it now." in difference(before, text("Do it now.", "q1"), "researcher 1")
    assert '-"q1"\n+"q2"' in difference(before, text("Do it.", "q2"), "researcher 1")
    assert difference(before, text("Do it.", "q1"), "researcher 1") == ""


def test_a_long_difference_is_cut():
    shown = difference("\n".join(map(str, range(500))), "x" * 1000, "writer 1")
    assert len(shown.split("\n")) == 61
    assert shown.endswith("more lines")
    assert max(map(len, shown.split("\n"))) < 400


@pytest.mark.parametrize(("known", "told"), [("same", 0), ("changed", 1), ("none", 1)])
async def test_a_stale_prompt_is_noticed(folder, replay, known, told):
    replay.answer(PLAN, "ResearchPlan")
    texts = {"same": replay.asked[0].text, "changed": "Another prompt.", "none": ""}
    prompts = {} if known == "none" else {"researcher 1": texts[known]}
    model = CassetteChatModel(replay=Replay(replay.cassette), recorded=prompts)
    with collected_notices() as notices:
        said = await model.with_structured_output(ResearchPlan).ainvoke(PLAN)
    assert said.standalone_question == "How high is the tower?"
    assert [each.kind for each in notices] == ["cassette_stale"] * told
    assert all("make cassette NAME=tower" in each.detail for each in notices)


def test_words_are_compared_loosely():
    assert loose("a  [1]\n b") == "a ⟦1⟧ b"
    assert plain("**A**, b-c") == "a b c"
    assert holders("two\nwords", {"E1": "here are two  words", "E2": "none"}) == ["E1"]
    assert begun_by("It is old and tall.", ["It is", "It is old", "Tall"]) == "It is old"
    assert begun_by("Another", ["It is"]) is None
    assert with_aliases("a [@x; @y] b@x 【@x】", {"x": "E1", "y": "E2"}) == "a [E1; E2] b@x 【E1】"
