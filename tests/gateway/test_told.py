"""What a span tells of an answer: ids and tokens in the words of the conventions, content as roles and parts."""

import json

from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage

from gateway.spans.told import answered, captured

USED = {
    "input_tokens": 9,
    "output_tokens": 7,
    "total_tokens": 16,
    "input_token_details": {"cache_read": 4, "cache_creation": 2},
    "output_token_details": {"reasoning": 5},
}


def test_ids_and_details_of_tokens_are_told_where_the_provider_tells_them():
    answer = AIMessage("Hi", id="chatcmpl-1", usage_metadata=USED)
    assert answered(answer) == {
        "gen_ai.response.id": "chatcmpl-1",
        "gen_ai.usage.cache_read.input_tokens": 4,
        "gen_ai.usage.cache_creation.input_tokens": 2,
        "gen_ai.usage.reasoning.output_tokens": 5,
    }
    assert answered(AIMessage("Hi", id="a", response_metadata={"id": "b"})) == {"gen_ai.response.id": "b"}
    assert answered(AIMessage("Hi", id="lc_run--01a2-0")) == {}


def test_messages_are_captured_as_role_and_parts():
    call = {"name": "search", "args": {"q": "é"}, "id": "c1", "type": "tool_call"}
    prompt = [SystemMessage("Plan."), HumanMessage("Why?"), ToolMessage("found", tool_call_id="c0")]
    told = captured(prompt, AIMessage("Look", tool_calls=[call], response_metadata={"finish_reason": "tool_calls"}))
    assert json.loads(told["gen_ai.input.messages"]) == [
        {"role": "system", "parts": [{"type": "text", "content": "Plan."}]},
        {"role": "user", "parts": [{"type": "text", "content": "Why?"}]},
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c0", "response": "found"}]},
    ]
    assert json.loads(told["gen_ai.output.messages"]) == [
        {
            "role": "assistant",
            "parts": [
                {"type": "text", "content": "Look"},
                {"type": "tool_call", "id": "c1", "name": "search", "arguments": {"q": "é"}},
            ],
            "finish_reason": "tool_calls",
        }
    ]
