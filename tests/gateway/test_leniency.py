"""What an answer may get wrong without harm, and what not."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from pydantic import BaseModel, Field

from gateway.governed import _repair
from gateway.leniency import fitted
from gateway.metering import SPARED_CHARS
from gateway.schemas import model_schema, schema_in_words, strict_schema, wire_schema
from gateway.structure import SchemaFault, parse_answer, with_schema_prompt
from state.roles import ROLE_SCHEMAS, Analysis, Decision, JudgedReview, ResearchPlan, Review, Verdicts
from state.values import Severity, Support

PLAN = {"standalone_question": "Why?", "sub_questions": ["Why now?"], "sections": []}
FINDING = {"statement": "Ten.", "sub_question": "q1", "quotes": [{"evidence": "E1", "quote": "Ten."}]}


class Scored(BaseModel):
    """A verdict with a score."""

    verdict: Support
    score: float = Field(ge=0.0, le=1.0)


def parsed(schema, value):
    return parse_answer(schema, AIMessage(value if isinstance(value, str) else json.dumps(value)))


@pytest.mark.parametrize(
    "value",
    [
        {**PLAN, "reasoning": "It is simple.", "confidence": 0.9},
        {**PLAN, "sections": None},
        {**PLAN, "sub_questions": "Why now?"},
        {**PLAN, "sub_questions": ["Why now?", None]},
        [PLAN],
        {**PLAN, "standalone_question": "Why?", "sub_questions": ["Why now?"], "type": None},
    ],
)
def test_a_plan_in_another_shape_is_the_same_plan(value):
    assert parsed(ResearchPlan, value) == ResearchPlan(**PLAN)


def test_a_field_that_may_be_left_out_may_be_null():
    assert parsed(ResearchPlan, {**PLAN, "standalone_question": None}).standalone_question == ""


@pytest.mark.parametrize(
    "word", ["RESEARCH_MORE", "Research more", "research-more", " research_more.", "`research_more`"]
)
def test_the_words_of_an_enumeration_count_not_their_spelling(word):
    assert parsed(Analysis, {"findings": [], "decision": word}).decision is Decision.RESEARCH_MORE


@pytest.mark.parametrize("after", ["{}", '{"decision": "nothing"}', '{"verdict": "approve"}', '{"answer": 42}'])
def test_another_object_behind_an_answer_in_prose_is_no_answer(after):
    analysis = json.dumps({"findings": [FINDING], "gaps": [], "decision": "enough"})
    said = f"Here it is:\n{analysis}\nWithout findings it would be:\n{after}\nThat is all."
    assert [each.statement for each in parsed(Analysis, said).findings] == ["Ten."]
    review = json.dumps({"verdict": "revise", "findings": [{"severity": "major", "remedy": "Say when."}]})
    assert parsed(Review, f"{review}\nElse:\n{after}").verdict == "revise"
    judged = json.dumps({"verdicts": [], **json.loads(review)})
    assert parsed(JudgedReview, f"{judged}\nElse:\n{after}").verdict == "revise"


def test_verdicts_in_any_case_with_ids_as_numbers_and_one_object_for_a_list():
    said = {"verdicts": {"claim": 3, "verdict": "Supported", "carried_by": "c3a", "reason": None}}
    (verdict,) = parsed(Verdicts, said).verdicts
    assert (verdict.claim, verdict.verdict, verdict.carried_by, verdict.reason) == ("3", Support.SUPPORTED, ["c3a"], "")
    review = parsed(Review, {"verdict": "Needs human", "findings": {"severity": "MINOR", "remedy": "x"}})
    assert (review.verdict, review.findings[0].severity) == ("needs_human", Severity.MINOR)


@pytest.mark.parametrize("score", ["0.8", " 0.8 ", 0.8])
def test_a_score_may_be_a_text(score):
    assert parsed(Scored, {"verdict": "supported", "score": score}).score == 0.8


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (Scored, {"verdict": "supported", "score": "high"}),
        (Scored, {"verdict": "supported", "score": "80%"}),
        (Scored, {"verdict": "supported", "score": "1.2"}),
        (Scored, {"verdict": "probably supported", "score": 1}),
        (Analysis, {"findings": [], "decision": "enough or research_more"}),
        (Analysis, {"findings": [], "decision": None}),
        (Analysis, {"decision": "enough"}),
        (Review, {"verdict": "approve"}),
        (Analysis, {"decision": "enough", "findings": ["Ten."]}),
        (Analysis, {"decision": "enough", "findings": [{"quotes": []}]}),
        (ResearchPlan, {"sub_questions": {"1": "Why?"}}),
        (ResearchPlan, {"sub_questions": [["Why?"]]}),
        (ResearchPlan, [PLAN["sub_questions"]]),
        (ResearchPlan, {}),
        (Verdicts, {}),
        (JudgedReview, {"verdicts": []}),
    ],
)
def test_what_would_have_to_be_guessed_is_a_fault(schema, value):
    with pytest.raises(SchemaFault):
        parsed(schema, value)


def test_a_finding_keeps_what_it_quotes():
    (finding,) = parsed(Analysis, {"decision": "enough", "findings": FINDING}).findings
    assert (finding.statement, finding.quotes[0].quote) == ("Ten.", "Ten.")
    (finding,) = parsed(
        Analysis, {"decision": "enough", "findings": [{**FINDING, "quotes": FINDING["quotes"][0]}]}
    ).findings
    assert finding.quotes[0].evidence == "E1"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*"abc", "verdict", "findings"]), inner)
    ),
    max_leaves=8,
)


def outcome(schema, value):
    """Return the answer or the fault; anything else is raised."""
    try:
        return parsed(schema, value)
    except SchemaFault as fault:
        return fault


@given(JSON, st.sampled_from(ROLE_SCHEMAS))
def test_anything_is_parsed_or_a_fault(value, schema):
    assert isinstance(outcome(schema, value), schema | SchemaFault)


@pytest.mark.parametrize("depth", [10, 300, 700, 900, 960, 990, 5_000])
@pytest.mark.parametrize("schema", ROLE_SCHEMAS)
def test_an_answer_may_be_nested_as_deeply_as_it_likes(schema, depth):
    name = next(iter(schema.model_fields))
    for text in (f'{{"{name}":' * depth + "1" + "}" * depth, f'{{"{name}":' + "[" * depth + "]" * depth + "}"):
        assert isinstance(outcome(schema, text), schema | SchemaFault)


@given(st.text(max_size=200), st.sampled_from(ROLE_SCHEMAS))
def test_any_text_is_parsed_or_a_fault(text, schema):
    assert isinstance(outcome(schema, text), schema | SchemaFault)


@pytest.mark.parametrize("schema", ROLE_SCHEMAS)
def test_a_value_that_fits_is_left_as_it_is(schema):
    values = {
        ResearchPlan: PLAN,
        Analysis: {"findings": [FINDING], "gaps": [], "decision": "enough"},
        JudgedReview: {"verdicts": [{"claim": "c1", "verdict": "supported"}], "verdict": "approve", "findings": []},
    }
    value = values.get(schema, {"markdown": "Ten."})
    assert fitted(value, model_schema(schema)) == value


# what a repair shows


def fault_of(schema, value):
    with pytest.raises(SchemaFault) as caught:
        parsed(schema, value)
    return caught.value


def test_a_fault_names_the_place_and_shows_what_stands_there():
    fault = fault_of(Analysis, {"decision": "enough", "findings": [{"statement": ["x" * 500]}, {"quotes": []}]})
    assert 'findings.0.statement: Input should be a valid string, not `["xxx' in fault.detail
    assert "findings.1.statement: Field required" in fault.detail
    assert len(fault.detail) < 400
    assert "xxx" not in fault.summary


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"sub_questions": ["Why?" "When?"]}', 'Expecting \',\' delimiter after `{"sub_questions": ["Why?" `'),
        ("I cannot.", "It holds no JSON object."),
        ("", "It holds no JSON object."),
        ('{"a":' * 3_000, "It is not valid JSON: it is nested too deeply."),
    ],
)
def test_a_text_that_is_not_json_is_told_where_it_breaks(text, told):
    assert told in fault_of(ResearchPlan, text).detail


@pytest.mark.parametrize("schema", ROLE_SCHEMAS)
def test_what_the_gateway_adds_to_a_prompt_fits_into_what_is_spared(schema):
    prompt = [SystemMessage("Plan."), HumanMessage("Why?")]
    spelled = sum(len(message.text) for message in with_schema_prompt(prompt, schema)) - len("Plan.Why?")
    worst = SchemaFault("it does not fit", "x" * 10_000)
    repair = sum(len(message.text) for message in _repair(schema, AIMessage("y" * 10_000), worst))
    assert spelled <= 2_000
    assert repair <= 2_500
    assert spelled + repair + 1_000 <= SPARED_CHARS
    assert len(json.dumps(wire_schema(schema))) <= 2_500  # sent as a field, where it is not in the prompt


# the forms of a schema


class Leaf(BaseModel):
    """A leaf."""

    title: str
    properties: list[int] | None = None


class Tree(BaseModel):
    """A tree whose fields are named like keywords."""

    default: Leaf
    leaves: list[Leaf] = []
    format: str = "x"


def test_a_strict_schema_is_closed_and_keeps_fields_that_are_named_like_keywords():
    found = strict_schema(Tree)
    assert found["required"] == ["default", "leaves", "format"]
    leaf = found["properties"]["default"]
    assert leaf == found["properties"]["leaves"]["items"]
    assert (leaf["required"], leaf["additionalProperties"]) == (["title", "properties"], False)
    assert leaf["properties"]["properties"] == {"items": {"type": "integer"}, "title": "Properties", "type": "array"}
    assert not {"$ref", "$defs", "anyOf"} & set(json.dumps(found).split('"'))


def test_the_spelled_schema_tells_types_and_descriptions_and_no_titles():
    told = json.loads(schema_in_words(Tree))
    assert told["title"] == "Tree"
    assert told["required"] == ["default"]
    assert set(told["properties"]["default"]["properties"]) == {"title", "properties"}
    assert "title" not in told["properties"]["leaves"]
