"""An answer that repeats its prompt is none: the schema, an example, the instructions, the fields."""

import json

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage

from gateway.schemas import schema_in_words
from gateway.structure import SchemaFault, parse_answer
from nodes.prompts.judge import JUDGE_INSTRUCTIONS
from nodes.prompts.researcher import PLAN_INSTRUCTIONS
from nodes.prompts.writer import WRITING_INSTRUCTIONS
from state.evidence_block import EvidenceItem
from state.prompt_fields import render_fields
from state.roles import ROLE_SCHEMAS, ResearchPlan, Verdicts, WrittenDraft

FIELDS = render_fields(
    {
        "question": "How many requests are free?",
        "findings": [{"statement": "Ten a minute are free.", "evidence": ["E1"]}],
    },
    [EvidenceItem(alias="E1", title="Limits", text="Ten requests a minute are free of charge.\nThen it costs.")],
)


def parsed(schema, said, instructions):
    prompt = [SystemMessage(instructions), HumanMessage(FIELDS)]
    return parse_answer(schema, AIMessage(said if isinstance(said, str) else json.dumps(said)), prompt)


@pytest.mark.parametrize("schema", ROLE_SCHEMAS)
def test_a_schema_is_no_answer_whole_or_in_parts(schema):
    spelled = json.loads(schema_in_words(schema))
    for echo in (spelled, spelled["properties"], [spelled], {**spelled, **{key: [] for key in spelled["properties"]}}):
        with pytest.raises(SchemaFault):
            parsed(schema, echo, "Plan.")
    described = {name: field.get("description", "") for name, field in spelled["properties"].items()}
    with pytest.raises(SchemaFault):
        parsed(schema, described, "Plan.")


def test_the_examples_of_a_prompt_are_no_answer():
    for example in (
        "What does a ticket to the harbour museum cost?",
        "Where was the founder of the harbour museum born?",
    ):
        with pytest.raises(SchemaFault, match="repeats its prompt"):
            parsed(ResearchPlan, {"sub_questions": [example, "Who?"]}, PLAN_INSTRUCTIONS)
    reason = "July lies between May and September, and 18:00 is six in the evening."
    verdicts = {"verdicts": [{"claim": "c1", "verdict": "supported", "carried_by": ["c1a"], "reason": reason}]}
    with pytest.raises(SchemaFault, match="repeats its prompt"):
        parsed(Verdicts, verdicts, JUDGE_INSTRUCTIONS)


def test_an_answer_that_quotes_an_instruction_among_words_of_its_own_is_one():
    said = {"sub_questions": ["What does a ticket to the harbour museum cost?",
                              "Which discounts does the harbour museum give to groups of more than ten?"]}  # fmt: skip
    assert len(parsed(ResearchPlan, said, PLAN_INSTRUCTIONS).sub_questions) == 2
    short = {"verdicts": [{"claim": "c1", "verdict": "unsupported", "reason": "the quotes do not say it"}]}
    assert parsed(Verdicts, short, JUDGE_INSTRUCTIONS).verdicts[0].claim == "c1"


def test_the_words_of_the_question_are_an_answer():
    said = {"standalone_question": "How many requests are free?", "sub_questions": ["How many requests are free?"]}
    assert parsed(ResearchPlan, said, PLAN_INSTRUCTIONS).sub_questions == ["How many requests are free?"]


DRAFT_ECHOES = {
    "the example": "A day ticket costs 12 euros from April to October [E2]. Children under six enter free [E5].",
    "a rule": "- One fact a sentence. Short, active, in the language of the question, whatever the language",
    "the instructions": WRITING_INSTRUCTIONS[:700],
    "the fields": FIELDS,
    "a field": FIELDS[: FIELDS.index("\n## findings")],
    "the evidence": FIELDS[FIELDS.index("<evidence") :],
    "a list of objects": '[{"statement": "Ten a minute are free."}]',
    "another object": '{"answer": "Ten a minute are free [E1]."}',
    "another object in a fence": '```json\n{"answer": "Ten a minute are free [E1]."}\n```',
    "half an object": '{"markdown": "Ten a minute are fr',
    "nothing": " \n",
    "an empty text": '""',
    "an empty object": "{}",
    "an empty draft": '{"markdown": ""}',
    "the fields as an object": json.dumps({"markdown": FIELDS}),
    "the example in an object": '{"markdown": "A day ticket costs 12 euros from April to October [E2]."}',
    "an object of a list": '{"markdown": ["Ten a minute are free [E1]."]}',
    "only thoughts": "<think>Ten a minute [E1].</think>",
}


@pytest.mark.parametrize("echo", DRAFT_ECHOES.values(), ids=DRAFT_ECHOES)
def test_an_echo_is_no_draft(echo):
    with pytest.raises(SchemaFault):
        parsed(WrittenDraft, echo, WRITING_INSTRUCTIONS)


DRAFT = 'Ten requests a minute are free of charge [E1].\n\n```json\n{"limit": 10}\n```\n[E1]'


@pytest.mark.parametrize(
    "said",
    [
        DRAFT,
        {"markdown": DRAFT},
        f"```json\n{json.dumps({'markdown': DRAFT})}\n```",
        f"Here it is: {json.dumps({'markdown': DRAFT})}",
        json.dumps(DRAFT),
        f"```markdown\n{DRAFT}\n```",
        f"<think>Ten?</think>\n{DRAFT}",
        {"markdown": DRAFT, "cut_off": True, "notes": "none"},
        {"markdown": f"```markdown\n{DRAFT}\n```"},
    ],
)
def test_a_draft_is_taken_as_text_or_as_json(said):
    draft = parsed(WrittenDraft, said, WRITING_INSTRUCTIONS)
    assert (draft.markdown, draft.cut_off) == (DRAFT, False)


@pytest.mark.parametrize("text", ["Zehn Anfragen sind frei [E1].", "无限制。", "I cannot answer that.", "[E1] Ten."])
def test_any_other_text_is_a_draft_and_left_to_the_verifier(text):
    assert parsed(WrittenDraft, text, WRITING_INSTRUCTIONS).markdown == text
