"""Reading OCI's answers: what each format puts where, and what counts as an end."""

import pytest

from gateway.oci.answers import Choice, UsageBlock, read
from gateway.oci.wire import finish_reason, tool_calls_of, usage_of
from gateway.provider_error import ProviderError
from gateway.schemas import wire_schema


@pytest.mark.parametrize(
    "call",
    [
        {"name": "look", "parameters": {"at": 1}},
        {"id": "c1", "type": "FUNCTION", "name": "look", "arguments": '{"at": 1}'},
        {"id": "c1", "type": "FUNCTION", "name": "look", "arguments": '"{\\"at\\": 1}"'},
        {"id": "c1", "type": "FUNCTION", "function": {"name": "look", "arguments": '{"at": 1}'}},
    ],
    ids=["COHERE", "GENERIC", "encoded twice", "COHEREV2"],
)
def test_tool_calls_of_each_format(call):
    calls, broken = tool_calls_of(read(Choice, {"toolCalls": [call]}).calls)
    assert [(each["name"], each["args"]) for each in calls] == [("look", {"at": 1})]
    assert calls[0]["id"]
    assert broken == []


@pytest.mark.parametrize("arguments", ["{", "[1]", "3", '"word"'])
def test_arguments_that_are_no_object_make_an_invalid_call(arguments):
    message = {"toolCalls": [{"name": "look", "arguments": arguments}, {"arguments": "{}"}]}
    calls, broken = tool_calls_of(read(Choice, {"message": message}).calls)
    assert calls == []
    assert [(each["name"], each["args"]) for each in broken] == [("look", arguments), ("", "{}")]


@pytest.mark.parametrize(
    ("raw", "reason"),
    [("COMPLETE", "stop"), ("stop", "stop"), ("STOP", "stop"), ("MAX_TOKENS", "length"), ("length", "length"),
     ("TOOL_CALL", "tool_calls"), ("tool_calls", "tool_calls")],
)  # fmt: skip
def test_every_end_has_one_word(raw, reason):
    assert finish_reason(raw) == reason


@pytest.mark.parametrize(
    ("raw", "transient"),
    [("ERROR", True), ("USER_CANCEL", True), (None, True), ("", True), ("ERROR_TOXIC", False), ("ERROR_LIMIT", False)],
)
def test_what_is_no_end_is_a_failure_that_was_billed(raw, transient):
    with pytest.raises(ProviderError) as caught:
        finish_reason(raw)
    assert (caught.value.failure.transient, caught.value.failure.billed) == (transient, True)


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (None, None),
        ({"promptTokens": 3, "completionTokens": 2, "totalTokens": 5}, (3, 2, 5)),
        ({"promptTokens": 3, "totalTokens": 3}, (3, 0, 3)),
        ({"promptTokens": 3, "completionTokens": 2}, (3, 2, 5)),
    ],
)
def test_usage_may_lack_what_gemini_leaves_out(usage, expected):
    found = usage_of(usage and read(UsageBlock, usage))
    assert (found and (found["input_tokens"], found["output_tokens"], found["total_tokens"])) == expected


def test_a_schema_is_inlined_closed_and_free_of_unions():
    schema = {
        "title": "Tree",
        "type": "object",
        "$defs": {"Leaf": {"type": "object", "properties": {"n": {"type": "integer"}}}},
        "properties": {
            "leaf": {"anyOf": [{"$ref": "#/$defs/Leaf"}, {"type": "null"}], "default": None},
            "default": {"type": "string"},
        },
    }
    found = wire_schema(schema)
    assert found["required"] == ["leaf", "default"]
    assert found["properties"]["leaf"] == {
        "type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": False,
    }  # fmt: skip


def test_a_schema_that_refers_to_itself_is_refused():
    node = {"type": "object", "properties": {"next": {"$ref": "#/$defs/Node"}}}
    with pytest.raises(ValueError, match="cannot be inlined"):
        wire_schema({"$ref": "#/$defs/Node", "$defs": {"Node": node}})
